package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// SpendingKind names a family of spending functions. Its text is a stable name.
type SpendingKind string

// The families.
const (
	OBrienFlemingSpending SpendingKind = "obrien_fleming"    // next to nothing early: 2 - 2Φ(z/√t), Lan and DeMets 1983
	PocockSpending        SpendingKind = "pocock"            // nearly evenly: ln(1 + (e-1)t), Lan and DeMets 1983
	PowerSpending         SpendingKind = "power"             // t^Parameter, Kim and DeMets 1987
	HwangSpending         SpendingKind = "hwang_shih_decani" // (1 - e^(-γt)) / (1 - e^(-γ)) with γ the Parameter, Hwang, Shih and DeCani 1990
)

// Spending says how much of an error probability may be spent until a share t of the planned information is there (K. K. G. Lan and
// D. L. DeMets, Discrete sequential boundaries for clinical trials, Biometrika 70, 1983). It needs no looks planned in advance: only
// the time of looking must not depend on the results.
type Spending struct {
	Kind SpendingKind
	// Parameter is the exponent of PowerSpending (more than 0) and γ of HwangSpending; unused otherwise.
	Parameter float64
}

// Name is the spending function's name for the reader of a report.
func (s Spending) Name() string {
	switch s.Kind {
	case OBrienFlemingSpending:
		return "Lan-DeMets O'Brien-Fleming"
	case PocockSpending:
		return "Lan-DeMets Pocock"
	case PowerSpending:
		return "power spending"
	case HwangSpending:
		return "Hwang-Shih-DeCani spending"
	}
	return string(s.Kind)
}

func (s Spending) check() error {
	switch s.Kind {
	case OBrienFlemingSpending, PocockSpending:
		return nil
	case PowerSpending:
		if s.Parameter > 0 && !math.IsInf(s.Parameter, 1) {
			return nil
		}
		return fail(InvalidInput, "the exponent of power spending must be more than 0, not %v", s.Parameter)
	case HwangSpending:
		if !math.IsNaN(s.Parameter) && math.Abs(s.Parameter) <= 100 {
			return nil
		}
		return fail(InvalidInput, "the parameter of Hwang-Shih-DeCani spending must lie between -100 and 100, not %v", s.Parameter)
	}
	return fail(InvalidInput, "%q is no spending function; there are obrien_fleming, pocock, power and hwang_shih_decani", s.Kind)
}

// Spent is the error probability spent on both sides together at the share t of the information: 0 at 0, alpha from 1 on. Each
// side is given alpha/2 (as ldbounds, gsDesign and rpact do).
func (s Spending) Spent(t, alpha float64) (float64, error) {
	if err := checkLevel(alpha); err != nil {
		return 0, err
	}
	if err := s.check(); err != nil {
		return 0, err
	}
	if !(t >= 0) {
		return 0, fail(InvalidInput, "a share of information cannot be %v", t)
	}
	return 2 * math.Exp(s.lnSpent(t, alpha/2)), nil
}

// lnSpent is the logarithm of what one side with level has spent at t.
func (s Spending) lnSpent(t, level float64) float64 {
	if t >= 1 {
		return math.Log(level)
	}
	switch s.Kind {
	case OBrienFlemingSpending:
		return math.Ln2 + special.LogNormalSurvival(-special.NormalQuantile(level/2)/math.Sqrt(t))
	case PocockSpending:
		return math.Log(level * math.Log1p((math.E-1)*t))
	case PowerSpending:
		return math.Log(level) + s.Parameter*math.Log(t)
	case HwangSpending:
		if s.Parameter == 0 {
			return math.Log(level * t)
		}
		return math.Log(level * math.Expm1(-s.Parameter*t) / math.Expm1(-s.Parameter))
	}
	return math.Inf(-1)
}
