package main

import (
	"math"

	"github.com/assayhq/assay/stats"
)

// coreMethods are effects, intervals and tests of two or more arms.
func coreMethods() map[string]method {
	return map[string]method{
		"special_functions": with(specialFunction),
		"two_prop_z":        with(twoPropZ),
		"welch_t":           with(welchT),
		"chisq_srm":         with(chisqSRM),
	}
}

type twoProportions struct {
	XA    count  `json:"x_a"`
	NA    count  `json:"n_a"`
	XB    count  `json:"x_b"`
	NB    count  `json:"n_b"`
	Alpha number `json:"alpha"`
}

func (in twoProportions) arms() (a, b stats.Proportion) {
	return stats.Proportion{N: int64(in.NA), X: int64(in.XA)}, stats.Proportion{N: int64(in.NB), X: int64(in.XB)}
}

func twoPropZ(in twoProportions) (values, error) {
	a, b := in.arms()
	e, pooled, err := stats.TwoProportions(a, b, float64(in.Alpha))
	if err != nil {
		return nil, err
	}
	return values{
		"p_a": a.Rate(), "p_b": b.Rate(), "diff": e.Difference, "se_unpooled": e.SE, "z_unpooled": e.Statistic, "p_value_unpooled": e.P, "wald_ci_low": e.Low, "wald_ci_high": e.High,
		"se_pooled": pooled.SE, "z_pooled": pooled.Z, "p_value_pooled": pooled.P,
	}, nil
}

type summary struct {
	N         count
	Mean, Var number
}

func (s summary) moments() stats.Moments {
	return stats.Moments{N: int64(s.N), Mean: float64(s.Mean), M2: float64(s.Var) * math.Max(1, float64(s.N-1))}
}

type twoMeans struct {
	A, B        summary
	Alpha, Null number
	Alternative string
}

func welchT(in twoMeans) (values, error) {
	e, err := stats.Welch(in.A.moments(), in.B.moments(), float64(in.Alpha))
	return values{
		"diff": e.Difference, "se": e.SE, "t": e.Statistic, "df": e.DF, "p_value": e.P, "ci_low": e.Low, "ci_high": e.High, "ln_p_value": e.LnP,
	}, err
}

func chisqSRM(in struct {
	Observed []count
	Weights  []number
}) (values, error) {
	weights := make([]int64, len(in.Weights))
	for i, w := range in.Weights {
		weights[i] = int64(math.Round(float64(w) * 1e9))
	}
	r, err := stats.SampleRatio(counts(in.Observed), weights)
	return values{"chi2": r.ChiSquare, "df": r.DF, "p_value": r.P}, err
}
