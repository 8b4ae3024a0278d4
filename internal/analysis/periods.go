package analysis

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/stats"
)

// Weighing is a change of the arms' weights while the experiment ran.
type Weighing struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	// Weights are those of the arms since then, in the order of the plan.
	Weights []int64 `json:"weights"`
}

// propagation is how long clients may go on with the weights from before a change. Units that come first in that time are in no sample ratio.
const propagation = time.Minute

// periods are the times in which the arms had the same weights. A unit belongs to the one of its first exposure: its arm was drawn by
// the weights of that time. One period when the weights never changed.
type periods struct {
	begins  []int64   // in nanoseconds since 1970, of all but the first
	weights [][]int64 // of each period, by arm
}

func periodsOf(in Input) periods {
	if len(in.Weighings) == 0 {
		return periods{weights: [][]int64{weightsOf(in.Experiment.Plan)}}
	}
	// Arms never change while it runs, so the weights of the start have the same order.
	out := periods{weights: [][]int64{weightsOf(in.Experiment.Frozen)}}
	for _, w := range in.Weighings {
		out.begins, out.weights = append(out.begins, w.At.UnixNano()), append(out.weights, w.Weights)
	}
	return out
}

// several reports whether the weights changed.
func (p periods) several() bool { return len(p.begins) > 0 }

// of is the period of a unit that came first at an instant.
func (p periods) of(first int64) int {
	return sort.Search(len(p.begins), func(i int) bool { return p.begins[i] > first })
}

// settled reports whether all clients knew the weights of its period when a unit came first.
func (p periods) settled(first int64) bool {
	k := p.of(first)
	return k == 0 || first >= p.begins[k-1]+int64(propagation)
}

// counts are no units yet, by period and arm.
func (p periods) counts() [][]int64 {
	out := make([][]int64, len(p.weights))
	for i := range out {
		out[i] = make([]int64, len(p.weights[0]))
	}
	return out
}

// within divides strata further by the periods of the same weights, where there are several.
func (s strata) within(p periods, u *facts.Units) strata {
	if !p.several() || u == nil {
		return s
	}
	out := strata{attributes: append(slices.Clone(s.attributes), "period of the same weights"), of: make([]int32, len(u.Arm)), n: max(1, s.n) * len(p.weights), steady: true}
	for row, first := range u.FirstAt {
		out.of[row] = int32(p.of(first)) //nolint:gosec // far fewer periods than 2^31
		if s.of != nil {
			out.of[row] += s.of[row] * int32(len(p.weights)) //nolint:gosec // one a unit at most
		}
	}
	return out
}

// ratio tests units by period and arm against the weights of their periods.
func (p periods) ratio(units [][]int64) (stats.SRM, error) {
	if !p.several() {
		return stats.SampleRatio(units[0], p.weights[0])
	}
	parts := make([]stats.SRMPart, len(units))
	for i, n := range units {
		parts[i].Observed = n
		for _, w := range p.weights[i] {
			parts[i].Shares = append(parts[i].Shares, float64(w))
		}
	}
	test, err := stats.SampleRatioByPart(parts)
	return stats.SRM{ChiSquare: test.ChiSquare, DF: test.DF, P: test.P, Expected: p.expected(units)}, err
}

// expected are the units that the weights of the periods ask for, by arm.
func (p periods) expected(units [][]int64) []float64 {
	out := make([]float64, len(p.weights[0]))
	for k, n := range units {
		part := total(p.weights[k])
		for arm, w := range p.weights[k] {
			out[arm] += total(n) * float64(w) / part
		}
	}
	return out
}

// unitsByPeriod are units by period and arm, without those that came first while clients may have had the weights from before.
func (a *analyst) unitsByPeriod(rows [][]int32) [][]int64 {
	out := a.periods.counts()
	for arm, of := range rows {
		for _, row := range of {
			if first := a.in.Units.FirstAt[row]; a.periods.settled(first) {
				out[a.periods.of(first)][arm]++
			}
		}
	}
	return out
}

// counted are the units at the position of the result in the same way; given their numbers by arm where the weights never changed.
func (a *analyst) counted(units []int64) [][]int64 {
	if !a.periods.several() {
		return [][]int64{units}
	}
	out := a.periods.counts()
	for row, first := range a.in.Now.FirstAt {
		if a.periods.settled(first) {
			out[a.periods.of(first)][a.in.Now.Arm[row]]++
		}
	}
	return out
}

// byArm adds up units by period and arm.
func byArm(units [][]int64) []int64 {
	out := make([]int64, len(units[0]))
	for _, of := range units {
		for arm, n := range of {
			out[arm] += n
		}
	}
	return out
}

// watched are the units of each period day by day, as they added up since it began.
func (a *analyst) watched(days []dayOf) []stats.SRMPeriod {
	out := make([]stats.SRMPeriod, len(a.periods.weights))
	running := a.periods.counts()
	for k, weights := range a.periods.weights {
		for _, w := range weights {
			out[k].Shares = append(out[k].Shares, float64(w)/total(weights))
		}
	}
	for _, d := range days {
		for k, units := range d.units {
			if total(units) == 0 {
				continue
			}
			for arm, n := range units {
				running[k][arm] += n
			}
			out[k].Looks = append(out[k].Looks, slices.Clone(running[k]))
		}
	}
	return out
}

// shares are the parts of all units that the weights of their periods ask for; those of the plan before there are any.
func (a *analyst) shares() []float64 {
	plan := a.in.Experiment.Plan
	out := make([]float64, len(plan.Arms))
	for i, arm := range plan.Arms {
		out[i] = float64(arm.Weight) / float64(plan.Total)
	}
	units := a.periods.counts()
	for row, arm := range a.in.Now.Arm {
		if a.periods.several() {
			units[a.periods.of(a.in.Now.FirstAt[row])][arm]++
		}
	}
	if n := total(unitsByArm(a.in.Now, len(plan.Arms))); a.periods.several() && n > 0 {
		for i, expected := range a.periods.expected(units) {
			out[i] = expected / n
		}
	}
	return out
}

// weightsIn are the weights of arms as numbers.
func weightsIn(arms []experiment.Arm) []int64 {
	out := make([]int64, len(arms))
	for i, arm := range arms {
		out[i] = int64(arm.Weight)
	}
	return out
}

// periodSentences tell what changed weights mean for the figures.
func (a *analyst) periodSentences(add func(string, ...any)) {
	if !a.periods.several() {
		return
	}
	add("The weights of the arms changed %s: units count in the arm they were seen in first, the sample ratio is tested within the %d periods of the same weights, and means and rates are compared within them and weighed by their sizes, because who comes may change with time.", times(len(a.periods.begins)), len(a.periods.weights))
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	default:
		return fmt.Sprintf("%d times", n)
	}
}

// weightsText writes weights with their arms.
func weightsText(arms []experiment.Arm, weights []int64) string {
	var out []string
	for i, arm := range arms {
		out = append(out, fmt.Sprintf("%s %s", arm.Variant, share(float64(weights[i])/total(weights))))
	}
	return strings.Join(out, ", ")
}
