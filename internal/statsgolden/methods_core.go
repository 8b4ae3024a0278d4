package main

import (
	"errors"
	"math"

	"github.com/assayhq/assay/stats"
)

// coreMethods are effects, intervals and tests of two or more arms.
func coreMethods() map[string]method {
	return map[string]method{
		"special_functions":   with(specialFunction),
		"moments":             with(moments),
		"welch_t":             with(welchT),
		"welch_t_raw":         with(welchRaw),
		"z_means":             with(zMeans),
		"relative_lift":       with(relativeLift),
		"ratio_metric":        with(ratioMetric),
		"cuped":               with(cuped),
		"post_stratification": with(postStratification),
		"winsorize":           with(winsorize),
		"mann_whitney":        with(mannWhitney),
		"quantile_ci":         with(quantileCI),
		"quantile_outer_ci":   with(quantileOuterCI),
		"e2e_small":           with(endToEnd),
		"two_prop_z":          with(twoPropZ),
		"prop_ci":             with(propCI),
		"prop_diff_ci":        with(propDiffCI),
		"fisher_exact":        with(fisherExact),
		"chisq_independence":  with(chisqIndependence),
		"chisq_srm":           with(chisqSRM),
		"poisson_rates":       with(poissonRates),
		"nps_csat":            with(npsCSAT),
	}
}

// summary is an arm by its number, mean and variance.
type summary struct {
	N         count
	Mean, Var number
}

func (s summary) moments() stats.Moments {
	return stats.MomentsFrom(int64(s.N), float64(s.Mean), float64(s.Var))
}

type twoMeans struct {
	A, B        summary
	Alpha, Null number
	Alternative string
}

func (in twoMeans) test() stats.Test {
	alternatives := map[string]stats.Alternative{"": stats.TwoSided, "two_sided": stats.TwoSided, "two-sided": stats.TwoSided, "greater": stats.Greater, "less": stats.Less}
	a, known := alternatives[in.Alternative]
	if !known {
		return stats.Test{Alpha: math.NaN()}
	}
	return stats.Test{Alpha: float64(in.Alpha), Alternative: a, Null: float64(in.Null)}
}

// effect are the values that every comparison has; statistic is what the method calls it.
func effect(e stats.Effect, statistic string) values {
	return values{
		"diff": e.Difference, "se": e.SE, statistic: e.Statistic, "df": e.DF, "p_value": e.P, "ln_p_value": e.LnP, "ci_low": e.Low, "ci_high": e.High,
	}
}

func moments(in struct {
	Values  []number
	SplitAt *int `json:"split_at"`
},
) (values, error) {
	whole, err := stats.SumsOf(floats(in.Values))
	if err != nil {
		return nil, err
	}
	if at := in.SplitAt; at != nil && *at >= 0 && *at <= len(in.Values) {
		first, _ := stats.SumsOf(floats(in.Values[:*at])) // all values were taken above
		second, _ := stats.SumsOf(floats(in.Values[*at:]))
		second.Merge(first)
		if second.Moments() != whole.Moments() {
			return nil, errors.New("the merged parts are not the whole, to the bit")
		}
	}
	m := whole.Moments()
	out := values{"n": m.N, "sum": whole.Sum(), "mean": nil, "var": nil}
	if m.N > 0 {
		out["mean"] = m.Mean
	}
	if m.N > 1 {
		out["var"] = m.Variance()
	}
	return out, nil
}

func welchT(in twoMeans) (values, error) {
	e, err := stats.WelchTest(in.A.moments(), in.B.moments(), in.test())
	return effect(e, "t"), err
}

func zMeans(in twoMeans) (values, error) {
	e, err := stats.ZTest(in.A.moments(), in.B.moments(), in.test())
	return effect(e, "z"), err
}

func welchRaw(in struct {
	A, B  []number
	Alpha number
},
) (values, error) {
	a, b := stats.MomentsOf(floats(in.A)), stats.MomentsOf(floats(in.B))
	e, err := stats.Welch(a, b, float64(in.Alpha))
	out := effect(e, "t")
	out["mean_a"], out["mean_b"], out["var_a"], out["var_b"] = a.Mean, b.Mean, a.Variance(), b.Variance()
	return out, err
}

func relativeLift(in twoMeans) (values, error) {
	a, errA := in.A.moments().Sample()
	b, errB := in.B.moments().Sample()
	if err := worse(errA, errB); err != nil {
		return nil, err
	}
	l, err := stats.RelativeLift(a, b, float64(in.Alpha))
	if err != nil {
		return nil, err
	}
	out := values{
		"lift": l.Value, "delta_se": l.SE, "delta_ci_low": l.Delta.Low, "delta_ci_high": l.Delta.High,
		"fieller_g": l.G, "p_value_abs_z": l.P, "ln_p_value_abs_z": l.LnP,
	}
	if l.Fieller != nil {
		out["fieller_ci_low"], out["fieller_ci_high"] = l.Fieller.Low, l.Fieller.High
	} else {
		out["fieller_status"] = "unbounded"
	}
	if l.Log != nil {
		out["log_ratio"], out["log_se"] = l.Log.Value, l.Log.SE
		out["log_ci_low"], out["log_ci_high"] = l.Log.Interval.Low, l.Log.Interval.High
	}
	return out, nil
}

type pairsOf struct{ X, Y []number }

func ratioMetric(in struct{ A, B pairsOf }) (values, error) {
	a, errA := ratioOf(in.A)
	b, errB := ratioOf(in.B)
	if err := worse(errA, errB); err != nil {
		return nil, err
	}
	e, err := stats.CompareRatios(a, b, stats.Test{Alpha: 0.05})
	if err != nil {
		return nil, err
	}
	out := effect(e, "z")
	out["ratio_a"], out["se_a"], out["ratio_b"], out["se_b"] = a.Value, math.Sqrt(a.Variance), b.Value, math.Sqrt(b.Variance)
	out["se_diff"] = e.SE
	addLift(out, a.Sample(), b.Sample())
	return out, nil
}

func addLift(out values, a, b stats.Sample) {
	if l, err := stats.RelativeLift(a, b, 0.05); err == nil {
		out["lift"], out["lift_se"] = l.Value, l.SE
	}
}

func ratioOf(in pairsOf) (stats.Ratio, error) {
	s, err := stats.CoSumsOf(floats(in.X), floats(in.Y))
	if err != nil {
		return stats.Ratio{}, err
	}
	return s.Ratio(0, 1)
}

// worse is the error of two that tells of what cannot be rather than of what is missing.
func worse(a, b error) error {
	if a == nil || errors.Is(b, &stats.Error{Kind: stats.InvalidInput}) {
		return b
	}
	return a
}

func cuped(in struct {
	A, B  pairsOf
	Alpha number
},
) (values, error) {
	a, errA := stats.CoSumsOf(floats(in.A.Y), floats(in.A.X))
	b, errB := stats.CoSumsOf(floats(in.B.Y), floats(in.B.X))
	if err := worse(errA, errB); err != nil {
		return nil, err
	}
	e, err := stats.CUPED(a, b, stats.Test{Alpha: float64(in.Alpha)})
	if err != nil {
		return nil, err
	}
	out := effect(e.Effect, "t")
	out["theta"], out["variance_reduction"] = e.Theta[0], e.VarianceReduction
	out["mean_a"], out["var_a"], out["raw_mean_a"] = e.ControlArm.Mean, e.ControlArm.Variance, e.ControlArm.RawMean
	out["mean_b"], out["var_b"], out["raw_mean_b"] = e.TreatmentArm.Mean, e.TreatmentArm.Variance, e.TreatmentArm.RawMean
	if e.Relative != nil {
		out["lift"], out["lift_se"] = e.Relative.Value, e.RelativeSE()
	}
	return out, nil
}

func postStratification(in struct{ Strata []struct{ A, B summary } }) (values, error) {
	strata := make([]stats.Stratum, len(in.Strata))
	for i, s := range in.Strata {
		strata[i] = stats.Stratum{Control: s.A.moments(), Treatment: s.B.moments()}
	}
	e, err := stats.PostStratify(strata, stats.Test{Alpha: 0.05})
	out := effect(e, "z")
	out["effect"] = e.Difference
	return out, err
}
