package analysis

import (
	"fmt"
	"math"

	"github.com/assayhq/assay/stats"
)

// Rank is what a comparison by ranks says. The arms' means stand beside it, but nothing is concluded from them.
type Rank struct {
	// Superiority is the probability that a unit of the arm has a higher value than one of the control, a tie counting half.
	Superiority float64  `json:"superiority"`
	Interval    Interval `json:"interval"`
	// Shift is by how much the arm's values lie above the control's, in the metric's unit: the median of all differences of two units
	// (Hodges and Lehmann), with its interval at the same critical value.
	Shift float64  `json:"shift"`
	Range Interval `json:"shift_interval"`
	// U counts the pairs of units in which the arm's is higher.
	U float64 `json:"u"`
}

// compareRanks compares the units' values by ranks.
func (p *prepared) compareRanks(out *pair, control, treatment summary) error {
	ranks, err := stats.CompareRanks(p.valuesOf(control), p.valuesOf(treatment))
	if err != nil {
		return err
	}
	rule, err := stats.FixedHorizon(p.level)
	if err != nil {
		return err
	}
	out.ranks = ranks
	out.effect, err = ranks.Under(rule)
	return err
}

func (p *prepared) valuesOf(s summary) []float64 {
	out := make([]float64, 0, len(s.rows))
	for _, row := range s.rows {
		if p.given == nil || p.given[row] {
			out = append(out, p.value[row])
		}
	}
	return out
}

// ranked judges a comparison by ranks under a rule at a level.
func (c comparison) ranked(j judge, level float64) (stats.Effect, string, error) {
	rule, err := j.rule(level, &c.pair)
	if err != nil {
		return stats.Effect{}, "", err
	}
	e, err := c.ranks.Under(rule)
	return e, rule.Method, err
}

// rankOf is what the comparison says, and the exact p of few units.
func rankOf(r *stats.RankComparison, e stats.Effect) (*Rank, *ExactP) {
	shift := r.Shift(e.Critical)
	out := &Rank{
		Superiority: r.Superiority, Interval: Interval{Low: 0.5 + e.Low, High: 0.5 + e.High},
		Shift: shift.Value, Range: Interval{Low: shift.Low, High: shift.High}, U: r.U,
	}
	if math.IsNaN(r.PExact) {
		return out, nil
	}
	return out, &ExactP{Method: "exact distribution of the Mann-Whitney test", P: r.PExact, LnP: math.Log(r.PExact)}
}

// rankWords put a comparison by ranks into words.
func rankWords(r Rank, level float64) string {
	return fmt.Sprintf("a unit of it is above one of the control with a probability of %.2f %%, %.4g %% range %.2f %% to %.2f %%", 100*r.Superiority, 100*(1-level), 100*r.Interval.Low, 100*r.Interval.High)
}
