package experiment

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/assayhq/assay/domain"
)

// checkAnalysis refuses an analysis that could not be carried out, or whose parts contradict each other.
func checkAnalysis(p Plan) error {
	a := p.Analysis
	for _, check := range []func(Plan) error{checkMethod, checkMixture, checkBandit, checkLooks, checkFamily, checkSegments, checkMargins, checkTests, checkStrata, checkCovariates} {
		if err := check(p); err != nil {
			return err
		}
	}
	if m := a.MinRuntimeSeconds; m != nil && (*m < 0 || *m > 400*24*3600) {
		return domain.Invalid("/analysis/min_runtime_seconds", "the minimum runtime is 0 to %d seconds (400 days), not %d", 400*24*3600, *m).WithCode("runtime_out_of_range")
	}
	return checkPrior(a.Bayesian)
}

func checkMethod(p Plan) error {
	a := p.Analysis
	if !slices.Contains([]Method{"", GroupSequential, ConfidenceSequence, MixtureSPRT, Fixed}, a.Method) {
		return domain.Invalid("/analysis/method", "the method is group_sequential, confidence_sequence, msprt or fixed, not %q; leave it out to have it chosen by the plan", a.Method).WithCode("unknown_method")
	}
	if a.Alpha != 0 && !(a.Alpha >= 1e-6 && a.Alpha <= 0.5) {
		return domain.Invalid("/analysis/alpha", "alpha, the probability of a false alarm, lies between 0.000001 and 0.5, not at %v; 0.05 is usual", a.Alpha).WithCode("alpha_out_of_range")
	}
	if a.PlannedUnits < 0 || a.PlannedUnits > maxUnits {
		return domain.Invalid("/analysis/planned_units", "the planned units are 0 (not planned) to %d, not %d", int64(maxUnits), a.PlannedUnits).WithCode("units_out_of_range")
	}
	if a.Method == GroupSequential && p.PlannedEnd.IsZero() && a.PlannedUnits == 0 {
		return domain.Invalid("/analysis/method", "a group sequential analysis needs a planned end or planned units to divide its looks by; give one, or choose confidence_sequence").WithCode("no_horizon")
	}
	return nil
}

func checkLooks(p Plan) error {
	a := p.Analysis
	if a.Method != "" && a.Method != GroupSequential && (a.Spending != "" || a.Looks != 0 || len(a.LookAt) > 0 || a.SpendingPower != 0) {
		return domain.Invalid("/analysis/spending", "only a group sequential analysis has planned looks and spends its error on them; leave spending, looks and look_at out of a %s one", a.Method).WithCode("no_looks")
	}
	if !slices.Contains([]Spending{"", SpendOBrienFleming, SpendPocock, SpendPower, ClassicOBrienFleming, ClassicPocock}, a.Spending) {
		return domain.Invalid("/analysis/spending", "the spending is obrien_fleming, pocock, power, obrien_fleming_classic or pocock_classic, not %q", a.Spending).WithCode("unknown_spending")
	}
	if a.SpendingPower != 0 && (a.Spending != SpendPower || !(a.SpendingPower > 0 && a.SpendingPower <= 10)) {
		return domain.Invalid("/analysis/spending_power", "the exponent is for the spending power, and lies above 0, at most at 10").WithCode("power_out_of_range")
	}
	if a.Looks < 0 || a.Looks > MaxLooks || len(a.LookAt) > MaxLooks {
		return domain.Invalid("/analysis/looks", "there can be 1 to %d looks, not %d", MaxLooks, max(a.Looks, len(a.LookAt))).WithCode("looks_out_of_range")
	}
	if len(a.LookAt) == 0 {
		return nil
	}
	if a.Looks != 0 && a.Looks != len(a.LookAt) {
		return domain.Invalid("/analysis/looks", "looks says %d, but look_at has %d; give one of them", a.Looks, len(a.LookAt)).WithCode("looks_contradict")
	}
	if a.Spending.Classic() {
		return domain.Invalid("/analysis/look_at", "classic boundaries hold at equally spaced looks only; leave look_at out or choose obrien_fleming or pocock").WithCode("looks_contradict")
	}
	return checkLookAt(a.LookAt)
}

func checkLookAt(at []float64) error {
	last := 0.0
	for i, t := range at {
		if !(t > last && t <= 1) {
			return domain.Invalid(fmt.Sprintf("/analysis/look_at/%d", i), "the looks are at increasing parts of the planned information between 0 and 1; %v does not come after %v", t, last).WithCode("looks_not_increasing")
		}
		last = t
	}
	if last != 1 {
		return domain.Invalid(fmt.Sprintf("/analysis/look_at/%d", len(at)-1), "the last look is at the planned end; write 1 for it, not %v", last).WithCode("last_look_missing")
	}
	return nil
}

func checkFamily(p Plan) error {
	a := p.Analysis
	if !slices.Contains([]Correction{"", Holm, Bonferroni, BH, EBH, NoCorrection}, a.Correction) {
		return domain.Invalid("/analysis/correction", "the correction is holm, bonferroni, bh, ebh or none, not %q", a.Correction).WithCode("unknown_correction")
	}
	if a.Correction == EBH && !p.willBe().AlwaysValid() {
		return domain.Invalid("/analysis/correction", "ebh needs e-values, which only the methods confidence_sequence and msprt have; choose one of them, or bh").WithCode("no_e_values")
	}
	if !slices.Contains([]Scope{"", ScopePrimary, ScopeGoals, ScopeAll}, a.Scope) {
		return domain.Invalid("/analysis/scope", "the scope of the correction is primary, goals or all, not %q", a.Scope).WithCode("unknown_scope")
	}
	if !slices.Contains([]Switch{"", On, Off}, a.CUPED) {
		return domain.Invalid("/analysis/cuped", "cuped is on or off, not %q", a.CUPED).WithCode("unknown_switch")
	}
	return nil
}

func checkSegments(p Plan) error {
	segments := p.Analysis.Segments
	if len(segments) > maxSegments {
		return domain.Invalid("/analysis/segments", "at most %d attributes are looked at by segment, not %d; each of them is a chance for a false signal", maxSegments, len(segments)).WithCode("too_many_segments")
	}
	for i, s := range segments {
		pointer := fmt.Sprintf("/analysis/segments/%d", i)
		if err := domain.CheckText(pointer, "attribute", s, true, 128); err != nil {
			return err
		}
		if slices.Contains(segments[:i], s) {
			return domain.Invalid(pointer, "the attribute %q is there twice; leave one out", s).WithCode("duplicate_segment")
		}
	}
	return nil
}

func checkMargins(p Plan) error {
	for i, m := range p.Analysis.Margins {
		pointer := fmt.Sprintf("/analysis/margins/%d", i)
		if !slices.Contains(p.Guardrails, m.Metric) {
			return domain.Invalid(pointer+"/metric", "%q is no guardrail of this plan; a margin says how much worse a guardrail may get", m.Metric).WithCode("not_a_guardrail")
		}
		if slices.ContainsFunc(p.Analysis.Margins[:i], func(o Margin) bool { return o.Metric == m.Metric }) {
			return domain.Invalid(pointer+"/metric", "the guardrail %q has two margins; leave one out", m.Metric).WithCode("duplicate_margin")
		}
		if err := checkAmount(pointer, "margin", m.Amount, 0); err != nil {
			return err
		}
	}
	if p.Analysis.Target == (Amount{}) {
		return nil
	}
	return checkAmount("/analysis/target", "target", p.Analysis.Target, math.SmallestNonzeroFloat64)
}

func checkAmount(pointer, what string, a Amount, least float64) error {
	if a.By != Relative && a.By != Absolute {
		return domain.Invalid(pointer+"/by", "a %s is relative or absolute, not %q", what, a.By).WithCode("unknown_amount")
	}
	if !(a.Value >= least && a.Value <= maxAmount) || a.By == Relative && what == "margin" && a.Value >= 1 {
		return domain.Invalid(pointer+"/value", "a %s of %v is out of range: it is a size without a sign, because the metric's direction says which way is good, and a relative one is a share (0.02 is 2 %%)", what, a.Value).WithCode("amount_out_of_range")
	}
	return nil
}

func checkPrior(b *Bayesian) error {
	if b == nil {
		return nil
	}
	for _, x := range []float64{b.RelativeSD, b.A, b.B} {
		if !(x >= 0 && x <= maxAmount) {
			return domain.Invalid("/analysis/bayesian", "relative_sd, a and b of the prior must be finite numbers from 0, not %v", x).WithCode("prior_out_of_range")
		}
	}
	if !(math.Abs(b.RelativeMean) <= maxAmount) || b.RelativeMean != 0 && b.RelativeSD == 0 {
		return domain.Invalid("/analysis/bayesian/relative_mean", "a prior mean of the relative effect needs a relative_sd that says how sure it is").WithCode("prior_out_of_range")
	}
	if (b.A == 0) != (b.B == 0) {
		return domain.Invalid("/analysis/bayesian", "a beta prior has two numbers, a and b; give both or none").WithCode("prior_out_of_range")
	}
	return nil
}

// sameRules reports whether two analyses would come to the same conclusions from the same data at the same looks.
func sameRules(a, b Analysis) bool { return reflect.DeepEqual(clean(a), clean(b)) }

// Clone is a copy that shares nothing with the original.
func (a Analysis) Clone() Analysis { return clean(a) }

// clean is the analysis as it is after it was written down and read: empty lists are none.
func clean(a Analysis) Analysis {
	if len(a.LookAt) == 0 {
		a.LookAt = nil
	}
	if len(a.Segments) == 0 {
		a.Segments = nil
	}
	if len(a.Margins) == 0 {
		a.Margins = nil
	}
	a.LookAt, a.Segments, a.Margins = slices.Clone(a.LookAt), slices.Clone(a.Segments), slices.Clone(a.Margins)
	a.Tests, a.PostStratify, a.Covariates = listed(a.Tests), listed(a.PostStratify), listed(a.Covariates)
	for i, c := range a.Covariates {
		a.Covariates[i].Of = slices.Clone(c.Of)
	}
	if a.MinRuntimeSeconds != nil {
		seconds := *a.MinRuntimeSeconds
		a.MinRuntimeSeconds = &seconds
	}
	if a.Bayesian != nil {
		prior := *a.Bayesian
		a.Bayesian = &prior
	}
	if a.Bandit != nil {
		bandit := *a.Bandit
		a.Bandit = &bandit
	}
	return a
}

// listed is a copy that is nil when it is empty, as it is after it was written down and read.
func listed[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}
