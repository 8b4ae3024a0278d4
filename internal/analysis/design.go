package analysis

import (
	"errors"
	"fmt"
	"math"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/stats"
)

// DesignQuestion asks how large an experiment has to be, or what one of a given size can show.
type DesignQuestion struct {
	// Kind is binary, mean or ratio. Baseline is the control's rate, mean or ratio; SD the standard deviation of a unit's value (of
	// (x - R y) / ȳ for a ratio), which a binary metric does not need.
	Kind     string  `json:"kind"`
	Baseline float64 `json:"baseline"`
	SD       float64 `json:"sd,omitempty"`
	// Effect is the smallest effect that should be found; nil asks what Units can find. Margin asks for non-inferiority instead.
	Effect *experiment.Amount `json:"effect,omitempty"`
	Margin *experiment.Amount `json:"margin,omitempty"`
	// Direction is increase or decrease, whichever is good; it matters with a margin.
	Direction string `json:"direction,omitempty"`
	// Alpha and Power are 0.05 and 0.8 when 0. Comparisons is by how many comparisons alpha is divided; the treatment arms when 0.
	Alpha       float64 `json:"alpha,omitempty"`
	Power       float64 `json:"power,omitempty"`
	Comparisons int     `json:"comparisons,omitempty"`
	// Weights are those of the arms, control first; two equal arms when empty.
	Weights []int64 `json:"weights,omitempty"`
	// Method, Spending, SpendingPower and Looks are those of the plan; a fixed horizon when empty.
	Method        experiment.Method   `json:"method,omitempty"`
	Spending      experiment.Spending `json:"spending,omitempty"`
	SpendingPower float64             `json:"spending_power,omitempty"`
	Looks         int                 `json:"looks,omitempty"`
	// VarianceExplained is the squared correlation with the covariate of CUPED.
	VarianceExplained float64 `json:"variance_explained,omitempty"`
	// Units are those of all arms that there will be; 0 asks how many it takes. UnitsPerDay turns units into days.
	Units       int64   `json:"units,omitempty"`
	UnitsPerDay float64 `json:"units_per_day,omitempty"`
}

// DesignAnswer is the answer. What was asked for and what was given are both in it.
type DesignAnswer struct {
	// Formula names what it was computed by; several are in use and give different numbers.
	Formula string `json:"formula"`
	// Arms are the units of each arm, control first, Units their sum.
	Arms  []int64 `json:"arms"`
	Units int64   `json:"units"`
	// Effect is what is found with the power.
	Effect experiment.Amount `json:"effect"`
	Power  float64           `json:"power"`
	// Alpha is the level of one comparison, Inflation the factor that the sequential method costs at its planned end.
	Alpha     float64 `json:"alpha"`
	Inflation float64 `json:"inflation"`
	// Days are how long it takes, in whole weeks, at least one; 0 without UnitsPerDay.
	Days     int    `json:"days,omitempty"`
	Sentence string `json:"sentence"`
}

// Design answers the question. The error says in a sentence what is wrong with it.
func Design(q DesignQuestion) (DesignAnswer, error) {
	ask, err := q.question()
	if err != nil {
		return DesignAnswer{}, err
	}
	out := DesignAnswer{Power: ask.Power, Effect: experiment.Amount{By: experiment.Absolute}}
	if ask.Relative {
		out.Effect.By = experiment.Relative
	}
	switch {
	case q.Effect == nil && q.Margin == nil && q.Units == 0:
		return DesignAnswer{}, errors.New("say which effect is to be found, or how many units there will be")
	case q.Units == 0:
		out.Effect.Value = ask.Effect
	case q.Effect == nil && q.Margin == nil:
		if ask.Effect, err = ask.Detectable(q.Units); err != nil {
			return DesignAnswer{}, err
		}
		out.Effect.Value = ask.Effect
	default:
		if out.Power, err = ask.PowerAt(q.Units); err != nil {
			return DesignAnswer{}, err
		}
		out.Effect.Value = ask.Effect
	}
	size, err := ask.Size()
	if err != nil {
		return DesignAnswer{}, err
	}
	out.Formula, out.Arms, out.Units, out.Alpha, out.Inflation = size.Formula, size.Arms, size.Total, size.Alpha, size.Inflation
	if q.Units > 0 {
		out.Units, out.Arms = q.Units, divided(q.Units, ask.Shares)
	}
	if q.UnitsPerDay > 0 {
		out.Days = max(7, 7*int(math.Ceil(float64(out.Units)/q.UnitsPerDay/7)))
	}
	out.Sentence = q.sentence(out)
	return out, nil
}

// question is the question in the words of stats, with its defaults.
func (q DesignQuestion) question() (stats.Question, error) {
	out := stats.Question{
		Baseline: q.Baseline, SD: q.SD, Alpha: q.Alpha, Power: q.Power, Comparisons: q.Comparisons, VarianceExplained: q.VarianceExplained,
		LowerIsBetter: q.Direction == "decrease",
	}
	switch q.Kind {
	case "binary":
		out.Kind = stats.RateMetric
	case "mean":
		out.Kind = stats.MeanMetric
	case "ratio":
		out.Kind = stats.RatioMetric
	default:
		return out, fmt.Errorf("a design is for a metric of kind binary, mean or ratio, not %q", q.Kind)
	}
	if out.Alpha == 0 {
		out.Alpha = 0.05
	}
	if out.Power == 0 {
		out.Power = 0.8
	}
	if q.Effect != nil {
		out.Effect, out.Relative = q.Effect.Value, q.Effect.By == experiment.Relative
	}
	if q.Margin != nil {
		out.Margin, out.Relative = q.Margin.Value, q.Margin.By == experiment.Relative
		if q.Effect != nil && q.Effect.By != q.Margin.By {
			return out, errors.New("give the effect and the margin both as relative or both as absolute")
		}
	}
	if q.Effect == nil && q.Margin == nil {
		out.Relative = q.Baseline != 0
	}
	if err := q.arms(&out); err != nil {
		return out, err
	}
	var err error
	out.Inflation, err = q.inflation(out)
	return out, err
}

func (q DesignQuestion) arms(out *stats.Question) error {
	weights := q.Weights
	if len(weights) == 0 {
		weights = []int64{1, 1}
	}
	var total float64
	for _, w := range weights {
		if w <= 0 {
			return errors.New("every arm needs a weight of at least 1")
		}
		total += float64(w)
	}
	if len(weights) < 2 {
		return errors.New("a design has at least two arms; give a weight for each, the control's first")
	}
	for _, w := range weights {
		out.Shares = append(out.Shares, float64(w)/total)
	}
	return nil
}

// inflation is the factor by which a sequential method needs more units at its planned end.
func (q DesignQuestion) inflation(ask stats.Question) (float64, error) {
	comparisons := max(ask.Comparisons, 1)
	if ask.Comparisons == 0 {
		comparisons = len(ask.Shares) - 1
	}
	level := ask.Alpha / float64(comparisons)
	switch q.Method {
	case "", experiment.Fixed:
		return 1, nil
	case experiment.ConfidenceSequence:
		return stats.SequenceInflation(level, ask.Power)
	case experiment.MixtureSPRT:
		return mixtureInflation(level, ask.Power)
	case experiment.GroupSequential:
	default:
		return 0, fmt.Errorf("the method is group_sequential, confidence_sequence, msprt or fixed, not %q", q.Method)
	}
	looks := q.Looks
	if looks == 0 {
		looks = 5
	}
	if looks < 1 || looks > experiment.MaxLooks {
		return 0, fmt.Errorf("there can be 1 to %d looks, not %d", experiment.MaxLooks, looks)
	}
	r := rules{Analysis: experiment.Analysis{Alpha: level, Spending: q.Spending, SpendingPower: q.SpendingPower, Looks: looks}}
	if r.SpendingPower == 0 {
		r.SpendingPower = 2
	}
	boundary, err := r.boundary()
	if err != nil {
		return 0, err
	}
	return boundary.Inflation(level, ask.Power)
}

// boundary is that of all equally spaced looks.
func (r rules) boundary() (stats.Boundary, error) {
	switch r.Spending {
	case experiment.ClassicOBrienFleming, experiment.ClassicPocock:
		rise := 0.0
		if r.Spending == experiment.ClassicOBrienFleming {
			rise = -0.5
		}
		boundary, _, err := stats.ClassicalBoundary(rise, r.Looks, r.Alpha)
		return boundary, err
	case experiment.SpendOBrienFleming, experiment.SpendPocock, experiment.SpendPower:
	}
	information := make([]float64, r.Looks)
	for i := range information {
		information[i] = float64(i+1) / float64(r.Looks)
	}
	return stats.SpendingBoundary(r.spending(), information, r.Alpha, false)
}

func divided(units int64, shares []float64) []int64 {
	out := make([]int64, len(shares))
	for i, s := range shares {
		out[i] = int64(math.Round(float64(units) * s))
	}
	return out
}

func (q DesignQuestion) sentence(a DesignAnswer) string {
	what := fmt.Sprintf("an effect of %s", amountText(a.Effect))
	if q.Margin != nil {
		what = fmt.Sprintf("that it is not worse by more than %s", amountText(*q.Margin))
	}
	text := fmt.Sprintf("%d units in %d arms show %s with a power of %s", a.Units, len(a.Arms), what, share(a.Power))
	if a.Inflation > 1 {
		text += fmt.Sprintf("; the sequential method takes %.3g times the units of a fixed horizon at its end, and on the average stops earlier", a.Inflation)
	}
	if a.Days > 0 {
		text += fmt.Sprintf("; at %.4g units a day that is %d days in whole weeks", q.UnitsPerDay, a.Days)
	}
	return text + ". Formula: " + a.Formula + "."
}
