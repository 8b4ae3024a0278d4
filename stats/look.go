package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// GroupSequentialPlan is what is fixed before an experiment with a planned end starts: how the error probability is spent while it
// is looked at.
type GroupSequentialPlan struct {
	Spending Spending
	// Alpha is the error probability over all looks, of both sides together unless OneSided.
	Alpha    float64
	OneSided bool
}

// Look is one look at an experiment under its plan.
type Look struct {
	// Boundary are the bounds of all looks so far under the plan's alpha; the last is that of this look.
	Boundary Boundary
	// Final: this look spends all that is left, because the experiment ends here or its planned information is there.
	Final bool
	// OverRun: there is more information than planned. The last bound is that for the error probability which was left.
	OverRun bool

	plan  GroupSequentialPlan
	times []float64 // by which alpha is spent
	curve *pCurve
}

// Look judges the look at the last of these shares of the planned information; the others are the shares at the looks before, as
// they were recorded. A share is units / planned units, or (planned standard error / present one)². final says that the experiment
// ends with this look whatever its share is. The looks taken before are part of the answer, so none may be left out.
//
// The p values of its rules are repeated p values (C. Jennison and B. W. Turnbull, Interim analyses: the repeated confidence interval
// approach, JRSS B 51, 1989): the smallest alpha whose bound at this look, with the same spending function and the same looks, is
// crossed. They hold whether or not a bound was crossed before or the experiment goes on, and agree with the repeated intervals
// effect ∓ bound · standard error at every alpha.
//
// Time: about 20 ms at 30 looks, 1 ms at 5; one Look serves every comparison of the same plan and look.
func (p GroupSequentialPlan) Look(information []float64, final bool) (Look, error) {
	return p.LookInTime(information, information, final)
}

// LookInTime is Look for an experiment whose end is planned in time: alpha is spent by the shares of the planned time at which the looks
// were taken, while what the looks have in common follows from the information there was (K. K. G. Lan and D. L. DeMets, Group sequential
// procedures: calendar versus information time, Statistics in Medicine 8, 1989). Only the ratios of the information matter, so numbers of units
// over the latest do; it needs no plan of them, and units may come as unevenly as they like.
func (p GroupSequentialPlan) LookInTime(information, times []float64, final bool) (Look, error) {
	if err := checkLevel(p.Alpha); err != nil {
		return Look{}, err
	}
	if err := p.Spending.check(); err != nil {
		return Look{}, err
	}
	if err := checkInformation(information); err != nil {
		return Look{}, err
	}
	if err := checkInformation(times); err != nil {
		return Look{}, err
	}
	if len(times) != len(information) {
		return Look{}, fail(InvalidInput, "%d looks have %d times; each needs one", len(information), len(times))
	}
	l := Look{plan: p, times: times, OverRun: times[len(times)-1] > 1}
	l.Final = final || times[len(times)-1] >= 1
	l.Boundary = p.bounds(information, times, l.Final, p.level(p.Alpha), fine)
	l.curve = newPCurve(p, information, times, l.Final)
	return l, nil
}

// level is the part of alpha that one side has.
func (p GroupSequentialPlan) level(alpha float64) float64 {
	if p.OneSided {
		return alpha
	}
	return alpha / 2
}

func (p GroupSequentialPlan) bounds(information, times []float64, final bool, level, width float64) Boundary {
	return boundsFor(information, p.lnSpent(times, final, level), p.OneSided, width)
}

func (p GroupSequentialPlan) lnSpent(times []float64, final bool, level float64) []float64 {
	out := make([]float64, len(times))
	for k, t := range times {
		if final && k == len(times)-1 {
			t = 1
		}
		out[k] = p.Spending.lnSpent(t, level)
	}
	return out
}

// Critical is the bound of this look under the plan's alpha.
func (l Look) Critical() float64 { return l.Boundary.Bounds[len(l.Boundary.Bounds)-1] }

// Rule is the rule of this look at the plan's alpha: RuleAt with the alpha of the GroupSequentialPlan.
func (l Look) Rule() (Rule, error) { return l.RuleAt(l.plan.Alpha) }

// RuleAt is the rule of this look at another alpha, as a correction for many comparisons asks for.
func (l Look) RuleAt(alpha float64) (Rule, error) {
	if err := checkLevel(alpha); err != nil {
		return Rule{}, err
	}
	if l.curve == nil {
		return Rule{}, fail(InvalidInput, "the look was not made by a plan")
	}
	critical := l.Critical()
	if alpha != l.plan.Alpha {
		bounds := l.plan.bounds(l.Boundary.Information, l.times, l.Final, l.plan.level(alpha), fine).Bounds
		critical = bounds[len(bounds)-1]
	}
	if math.IsInf(critical, 1) {
		return Rule{}, fail(NotAttainable, "nothing of the error probability may be spent at this look; wait for more information")
	}
	return Rule{
		Method: "group-sequential, " + l.plan.Spending.Name(), Alpha: alpha, Critical: critical, OneSided: l.plan.OneSided,
		lnP: l.curve.through(critical, l.plan.level(alpha)),
	}, nil
}

// pCurve is the bound of a look as a function of the level of one side, so that a p value is read from it in a microsecond. The
// bound is smooth and nearly linear in y, the normal quantile of the level; two Chebyshev interpolants in y, which meet at curveKnee,
// leave a relative error of p below 1e-3 (and none at the alpha of the rule).
type pCurve struct {
	early, late chebyshev
	plan        GroupSequentialPlan
	times       []float64
	final       bool
	lnSides     float64
}

const (
	curveLow  = 0.126 // of y: the level 0.45 of one side, from which on every p value is 1
	curveKnee = 1.8
	curveHigh = 5.7 // the level 6e-9, beyond which a conservative closed form answers
)

func newPCurve(p GroupSequentialPlan, information, times []float64, final bool) *pCurve {
	c := &pCurve{plan: p, times: times, final: final}
	if !p.OneSided {
		c.lnSides = math.Ln2
	}
	bound := func(y float64) float64 {
		bounds := p.bounds(information, times, final, special.NormalSurvival(y), coarse).Bounds
		return bounds[len(bounds)-1]
	}
	c.early, c.late = newChebyshev(bound, curveLow, curveKnee, 10), newChebyshev(bound, curveKnee, curveHigh, 7)
	return c
}

// inverse is the y whose bound is z, within the curve.
func (c *pCurve) inverse(z float64) float64 {
	if z > c.early.last() {
		return c.late.inverse(z)
	}
	return c.early.inverse(z)
}

// through is ln p of a statistic, shifted by what interpolation misses so that p is the level exactly at the critical value.
func (c *pCurve) through(critical, level float64) func(z float64) float64 {
	shift := 0.0
	if critical > c.early.first() && critical < c.late.last() {
		shift = -special.NormalQuantile(level) - c.inverse(critical)
	}
	return func(z float64) float64 {
		switch {
		case z <= c.early.first():
			return 0
		case z >= c.late.last():
			return c.lnSides + math.Min(special.LogNormalSurvival(curveHigh+shift), c.lnLevelBeyond(z))
		}
		return c.lnSides + special.LogNormalSurvival(c.inverse(z)+shift)
	}
}

// lnLevelBeyond is the logarithm of the level at which z would be the bound if nothing had been crossed before: never below the
// exact one.
func (c *pCurve) lnLevelBeyond(z float64) float64 {
	target := special.LogNormalSurvival(z)
	low, high := math.Max(-600, target-50), special.LogNormalSurvival(curveHigh)
	for range 60 {
		middle := 0.5 * (low + high)
		increments, _ := lnIncrements(c.plan.lnSpent(c.times, c.final, math.Exp(middle)))
		if increments[len(increments)-1] < target {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
