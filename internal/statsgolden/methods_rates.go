package main

import (
	"math"

	"github.com/assayhq/assay/stats"
)

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
	pooled, err := stats.Pooled(a, b)
	if err != nil {
		return nil, err
	}
	out := values{
		"p_a": a.Rate(), "p_b": b.Rate(), "diff": b.Rate() - a.Rate(), "se_unpooled": 0.0,
		"se_pooled": pooled.SE, "z_pooled": pooled.Z, "p_value_pooled": pooled.P, "ln_p_value_pooled": pooled.LnP,
	}
	e, _, err := stats.TwoProportions(a, b, float64(in.Alpha))
	if err != nil {
		if statusOf(err) == string(stats.ZeroVariance) {
			return out, nil // no arm varies, so there is no Wald interval; the pooled test is there
		}
		return nil, err
	}
	out["diff"] = e.Difference
	out["se_unpooled"], out["z_unpooled"], out["p_value_unpooled"], out["ln_p_value_unpooled"] = e.SE, e.Statistic, e.P, e.LnP
	out["wald_ci_low"], out["wald_ci_high"] = e.Low, e.High
	return out, nil
}

func propCI(in struct {
	X, N  count
	Alpha number
},
) (values, error) {
	p := stats.Proportion{N: int64(in.N), X: int64(in.X)}
	r, err := p.Intervals(float64(in.Alpha))
	if err != nil {
		return nil, err
	}
	out := values{"p": p.Rate()}
	for name, interval := range map[string]stats.Range{
		"wald": r.Wald, "wilson": r.Wilson, "agresti_coull": r.AgrestiCoull, "clopper": r.ClopperPearson, "jeffreys": r.Jeffreys,
	} {
		out[name+"_low"], out[name+"_high"] = interval.Low, interval.High
	}
	return out, nil
}

func propDiffCI(in twoProportions) (values, error) {
	a, b := in.arms()
	r, err := stats.RateDifference(a, b, float64(in.Alpha))
	out := values{}
	for name, interval := range map[string]stats.Range{"newcombe": r.Newcombe, "agresti_caffo": r.AgrestiCaffo, "mn": r.MiettinenNurminen} {
		out[name+"_low"], out[name+"_high"] = interval.Low, interval.High
	}
	return out, err
}

func fisherExact(in twoProportions) (values, error) {
	r, err := stats.Fisher(in.arms())
	return values{
		"p_two_sided": r.TwoSided, "mid_p_two_sided": r.MidP, "p_less": r.Less, "p_greater": r.Greater,
		"ln_p_two_sided": r.LnTwoSided, "ln_mid_p_two_sided": r.LnMidP,
	}, err
}

func chisqIndependence(in struct{ Table [][]count }) (values, error) {
	table := make([][]int64, len(in.Table))
	for i, row := range in.Table {
		table[i] = counts(row)
	}
	r, err := stats.Independence(table)
	return values{"chi2": r.Statistic, "df": r.DF, "p_value": r.P, "ln_p_value": r.LnP}, err
}

func chisqSRM(in struct {
	Observed []count
	Weights  []number
},
) (values, error) {
	r, err := stats.SampleShares(counts(in.Observed), floats(in.Weights))
	return values{"chi2": r.ChiSquare, "df": r.DF, "p_value": r.P, "ln_p_value": r.LnP, "expected": r.Expected}, err
}

func poissonRates(in struct {
	XA    count  `json:"x_a"`
	TA    number `json:"t_a"`
	XB    count  `json:"x_b"`
	TB    number `json:"t_b"`
	Alpha number `json:"alpha"`
},
) (values, error) {
	r, err := stats.CompareEvents(stats.Events{Count: int64(in.XA), Exposure: float64(in.TA)}, stats.Events{Count: int64(in.XB), Exposure: float64(in.TB)}, float64(in.Alpha))
	out := values{
		"p_value": r.TwoSided, "mid_p": r.MidP, "mid_p_value": r.MidP, "p_less": r.Less, "p_greater": r.Greater, "ln_p_value": r.LnTwoSided,
		"rate_ratio": r.Ratio, "ci_low": r.Low, "ci_high": r.High,
	}
	if math.IsNaN(r.Ratio) {
		out["rate_ratio"] = nil
	}
	return out, err
}

func npsCSAT(in struct {
	A     []count
	B     []count
	Alpha number
},
) (values, error) {
	a, err := npsOf(in.A)
	if err != nil {
		return nil, err
	}
	interval, err := a.Interval(float64(in.Alpha))
	if err != nil {
		return nil, err
	}
	out := values{"nps_a": a.Score(), "se_a": a.SE(), "ci_low_a": interval.Low, "ci_high_a": interval.High}
	if in.B == nil {
		return out, nil
	}
	b, err := npsOf(in.B)
	if err != nil {
		return nil, err
	}
	interval, err = b.Interval(float64(in.Alpha))
	if err != nil {
		return nil, err
	}
	out["nps_b"], out["se_b"], out["ci_low_b"], out["ci_high_b"] = b.Score(), b.SE(), interval.Low, interval.High
	out["diff"] = b.Score() - a.Score()
	e, err := stats.CompareNPS(a, b, stats.Test{Alpha: float64(in.Alpha)})
	if err != nil {
		if statusOf(err) == string(stats.ZeroVariance) {
			out["se_diff"] = 0.0
			return out, nil // everybody answers alike, so there is a difference but no test
		}
		return nil, err
	}
	out["se_diff"], out["z"], out["p_value"], out["ln_p_value"] = e.SE, e.Statistic, e.P, e.LnP
	out["ci_low"], out["ci_high"] = e.Low, e.High
	return out, nil
}

func npsOf(answers []count) (stats.NPS, error) {
	if len(answers) != 3 {
		return stats.NPS{}, &stats.Error{Kind: stats.InvalidInput, Sentence: "promoters, passives and detractors are three counts"}
	}
	return stats.NPS{Promoters: int64(answers[0]), Passives: int64(answers[1]), Detractors: int64(answers[2])}, nil
}
