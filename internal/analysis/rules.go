package analysis

import (
	"fmt"
	"math"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/stats"
)

// tunedFor is how many units a confidence sequence is narrowest at when the plan names no number.
const tunedFor = 10_000

// judge makes the rule by which a comparison counts, at a level of error probability.
type judge interface {
	rule(level float64, of *pair) (stats.Rule, error)
}

// fixedJudge is valid for one reading.
type fixedJudge struct{}

func (fixedJudge) rule(level float64, _ *pair) (stats.Rule, error) { return stats.FixedHorizon(level) }

// alwaysJudge is valid at every moment. Its ρ is fixed by the plan, before the data, and the same at every level, so that p does not
// depend on the level an interval is made at.
type alwaysJudge struct{ tuned, alpha float64 }

func (j alwaysJudge) rule(level float64, of *pair) (stats.Rule, error) {
	rho, err := stats.TunedRho(j.tuned, j.alpha)
	if err != nil {
		return stats.Rule{}, err
	}
	return stats.ConfidenceSequence(of.units, rho, level)
}

// oneSided is the rule for one side, for guardrails.
func (j alwaysJudge) oneSided(level, units float64) (stats.Rule, error) {
	rho, err := stats.TunedRho(j.tuned, 2*j.alpha)
	if err != nil {
		return stats.Rule{}, err
	}
	return stats.ConfidenceSequenceOneSided(units, rho, level)
}

// lookJudge is valid at a look of a group sequential design.
type lookJudge struct {
	look interface {
		RuleAt(alpha float64) (stats.Rule, error)
	}
	bounds []float64 // of the looks so far, at the plan's alpha
	name   string
	made   map[float64]stats.Rule // by level: a bound takes milliseconds, and many comparisons share one
}

func (j lookJudge) rule(level float64, _ *pair) (stats.Rule, error) {
	if rule, ok := j.made[level]; ok {
		return rule, nil
	}
	rule, err := j.look.RuleAt(level)
	rule.Method = j.name
	if err == nil {
		j.made[level] = rule
	}
	return rule, err
}

// tuned is the number of units at which always-valid intervals of the plan are narrowest.
func (r rules) tuned() float64 {
	if r.PlannedUnits > 0 {
		return float64(r.PlannedUnits)
	}
	return tunedFor
}

func (r rules) always() alwaysJudge { return alwaysJudge{tuned: r.tuned(), alpha: r.Alpha} }

// judgeFor is the rule of the plan's method as it stands: for a group sequential design, that of the course's current look.
func (r rules) judgeFor(c course) (judge, error) {
	switch r.Method {
	case experiment.ConfidenceSequence:
		return r.always(), nil
	case experiment.GroupSequential:
		return r.look(c)
	case experiment.MixtureSPRT:
		return mixtureJudge{mixture: r.Mixture, otherwise: r.always()}, nil
	case experiment.Fixed:
	}
	return fixedJudge{}, nil
}

// course are the looks of a group sequential design up to the one that is judged.
type course struct {
	shares []float64 // parts of the planned information, or time, increasing
	units  []float64 // how many there were at each of the looks
	final  bool
	// taken: the last of them is a recorded reading, or one that is being taken. Otherwise none has been taken yet, and the only one
	// is the first that is planned.
	taken bool
}

// information is that of each look as a part of the latest look's.
func (c course) information() []float64 {
	out := make([]float64, len(c.units))
	for i, n := range c.units {
		out[i] = n / c.units[len(c.units)-1]
	}
	return out
}

func total(units []int64) (sum float64) {
	for _, n := range units {
		sum += float64(n)
	}
	return sum
}

func courseOf(in Input, r rules) course {
	var c course
	for _, reading := range in.Experiment.Readings {
		c.shares, c.units = append(c.shares, reading.Fraction), append(c.units, total(reading.Units))
		c.final, c.taken = reading.Final, true
	}
	if in.Look != nil {
		c.shares, c.units = append(c.shares, in.Look.Fraction), append(c.units, float64(len(in.Units.Arm)))
		c.final, c.taken = in.Look.Final, true
	}
	if schedule := r.Schedule(); !c.taken && len(schedule) > 0 {
		c.shares, c.units, c.final = schedule[:1], []float64{1}, len(schedule) == 1
	}
	return c
}

func (r rules) look(c course) (judge, error) {
	out := lookJudge{made: map[float64]stats.Rule{}, name: fmt.Sprintf("look %d of a group sequential design (%s)", len(c.shares), r.spendingName())}
	if r.Spending.Classic() {
		return r.classicLook(c, out)
	}
	plan := stats.GroupSequentialPlan{Alpha: r.Alpha, Spending: r.spending()}
	var look stats.Look
	var err error
	if r.PlannedUnits > 0 {
		look, err = plan.Look(c.shares, c.final)
	} else {
		// Alpha is spent by time; how much the looks have in common follows from the units there were.
		look, err = plan.LookInTime(c.information(), c.shares, c.final)
	}
	if err != nil {
		return nil, err
	}
	out.look, out.bounds = look, look.Boundary.Bounds
	return out, nil
}

// classicLook is the planned look that the course has come to: classic bounds hold at planned looks only, so the nearest is taken.
func (r rules) classicLook(c course, out lookJudge) (judge, error) {
	k := min(r.Looks, max(1, int(math.Round(c.shares[len(c.shares)-1]*float64(r.Looks)))))
	if c.final {
		k = r.Looks
	}
	rise := 0.0
	if r.Spending == experiment.ClassicOBrienFleming {
		rise = -0.5
	}
	boundary, _, err := stats.ClassicalBoundary(rise, r.Looks, r.Alpha)
	if err != nil {
		return nil, err
	}
	out.look, out.bounds = stats.ClassicalLook{Rise: rise, Look: k, Looks: r.Looks}, boundary.Bounds[:k]
	return out, nil
}

func (r rules) spending() stats.Spending {
	switch r.Spending {
	case experiment.SpendPocock, experiment.ClassicPocock:
		return stats.Spending{Kind: stats.PocockSpending}
	case experiment.SpendPower:
		return stats.Spending{Kind: stats.PowerSpending, Parameter: r.SpendingPower}
	case experiment.SpendOBrienFleming, experiment.ClassicOBrienFleming:
	}
	return stats.Spending{Kind: stats.OBrienFlemingSpending}
}

func (r rules) spendingName() string {
	switch r.Spending {
	case experiment.SpendPower:
		return fmt.Sprintf("power spending, exponent %g", r.SpendingPower)
	case experiment.ClassicOBrienFleming:
		return "O'Brien and Fleming's classic bounds"
	case experiment.ClassicPocock:
		return "Pocock's classic bounds"
	case experiment.SpendOBrienFleming, experiment.SpendPocock:
	}
	return r.spending().Name()
}

// judged is a comparison under the plan's rule at a level. At the level a fixed comparison was made with it is the comparison itself.
func (a *analyst) judged(c comparison, level float64) (stats.Effect, string, error) {
	if c.exact != nil {
		return c.exactly(a.judge, level)
	}
	if c.ranks != nil {
		return c.ranked(a.judge, level)
	}
	e := c.effect
	if _, fixed := a.judge.(fixedJudge); fixed && level == a.rules.Alpha {
		return e, "fixed horizon", nil
	}
	rule, err := a.judge.rule(level, &c.pair)
	if err != nil {
		return stats.Effect{}, "", err
	}
	method := e.Method
	out, err := e.Under(rule)
	if err != nil {
		return stats.Effect{}, "", err
	}
	out.Method = method
	return out, rule.Method, nil
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
