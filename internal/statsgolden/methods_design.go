package main

import (
	"math"

	"github.com/assayhq/assay/stats"
)

// designMethods are sample sizes, power, detectable effects and margins.
func designMethods() map[string]method {
	return map[string]method{
		"power_means":           with(powerMeans),
		"power_props":           with(powerProps),
		"sample_size_means":     with(sampleSizeMeans),
		"sample_size_props":     with(sampleSizeProps),
		"mde":                   with(mde),
		"non_inferiority_means": with(nonInferiorityMeans),
		"non_inferiority_props": with(nonInferiorityProps),
	}
}

// alternativeOf reads the schema's words; a one-sided test looks in the direction of the difference where that is a design's own.
func alternativeOf(word string, negative bool) (stats.Alternative, error) {
	switch word {
	case "", "two_sided":
		return stats.TwoSided, nil
	case "one_sided", "greater":
		if negative {
			return stats.Less, nil
		}
		return stats.Greater, nil
	case "less":
		return stats.Less, nil
	}
	return stats.TwoSided, invalid("the alternative " + word + " is not known")
}

func powerMeans(in struct {
	NA          count `json:"n_a"`
	NB          count `json:"n_b"`
	Delta       number
	SDA         number `json:"sd_a"`
	SDB         number `json:"sd_b"`
	Alpha       number
	Alternative string
},
) (values, error) {
	alternative, err := alternativeOf(in.Alternative, false)
	if err != nil {
		return nil, err
	}
	p, err := stats.PowerOfMeans(int64(in.NA), int64(in.NB), float64(in.Delta), float64(in.SDA), float64(in.SDB), float64(in.Alpha), alternative)
	return values{"power_z": p.Z, "power_t": p.T}, err
}

func powerProps(in struct {
	PA    number `json:"p_a"`
	PB    number `json:"p_b"`
	NA    count  `json:"n_a"`
	NB    count  `json:"n_b"`
	Alpha number
},
) (values, error) {
	p, err := stats.PowerOfRates(float64(in.PA), float64(in.PB), int64(in.NA), int64(in.NB), float64(in.Alpha))
	return values{"power_pooled": p.Pooled, "power_arcsine": p.Arcsine}, err
}

func sampleSizeMeans(in struct {
	Delta       number
	SDA         number `json:"sd_a"`
	SDB         number `json:"sd_b"`
	Kappa       *number
	Alpha       number
	Power       number
	Alternative string
},
) (values, error) {
	alternative, err := alternativeOf(in.Alternative, in.Delta < 0)
	if err != nil {
		return nil, err
	}
	n, err := stats.SizeForMeans(float64(in.Delta), float64(in.SDA), float64(in.SDB), orOne(in.Kappa), float64(in.Alpha), float64(in.Power), alternative)
	out := values{"n_a_z": n.Z, "n_a_z_ceil": n.A, "n_b_z_ceil": n.B}
	if !math.IsNaN(n.T) {
		out["n_a_t"] = n.T
	}
	return out, err
}

func orOne(x *number) float64 {
	if x == nil {
		return 1
	}
	return float64(*x)
}

func sampleSizeProps(in struct {
	PA    number `json:"p_a"`
	PB    number `json:"p_b"`
	Kappa *number
	Alpha number
	Power number
},
) (values, error) {
	n, err := stats.SizeForRates(float64(in.PA), float64(in.PB), orOne(in.Kappa), float64(in.Alpha), float64(in.Power))
	return values{
		"n_a_unpooled": n.Unpooled, "n_a_pooled": n.Pooled, "n_a_pooled_ceil": math.Ceil(n.Pooled), "n_a_pooled_cc": n.PooledCorrected,
		"n_a_arcsine": n.Arcsine, "cohens_h": n.H,
	}, err
}

func mde(in struct {
	Kind  string
	NA    count  `json:"n_a"`
	NB    count  `json:"n_b"`
	PA    number `json:"p_a"`
	MeanA number `json:"mean_a"`
	SDA   number `json:"sd_a"`
	SDB   number `json:"sd_b"`
	Alpha number
	Power number
},
) (values, error) {
	a, b, alpha, power := int64(in.NA), int64(in.NB), float64(in.Alpha), float64(in.Power)
	switch in.Kind {
	case "mean":
		d, err := stats.DetectableMean(a, b, float64(in.SDA), float64(in.SDB), alpha, power)
		return values{"mde_abs": d, "mde_rel": ratioOrNil(d, float64(in.MeanA))}, err
	case "prop":
		p, err := stats.DetectableRate(float64(in.PA), a, b, alpha, power)
		d := p - float64(in.PA)
		return values{"p_b": p, "mde_abs": d, "mde_rel": ratioOrNil(d, float64(in.PA))}, err
	}
	return nil, invalid("the kind is mean or prop, not " + in.Kind)
}

func ratioOrNil(d, base float64) any {
	if base == 0 {
		return nil
	}
	return d / math.Abs(base)
}

func nonInferiorityMeans(in struct {
	A, B           summary
	Margin, Alpha  number
	HigherIsBetter *bool `json:"higher_is_better"`
	Relative       bool
},
) (values, error) {
	margin := stats.Margin{Size: float64(in.Margin), Relative: in.Relative, LowerIsBetter: in.HigherIsBetter != nil && !*in.HigherIsBetter}
	if in.Relative && in.A.Mean < 0 {
		margin.Size = -margin.Size // the file takes a share of A with its sign, the library one of |A|
	}
	r, err := stats.NonInferiorMeans(in.A.moments(), in.B.moments(), margin, float64(in.Alpha))
	if in.Relative {
		return values{"z": r.Statistic, "p_value": r.P, "non_inferior": r.NonInferior}, err
	}
	return values{
		"t": r.Statistic, "df": r.DF, "p_value": r.P, "ln_p_value": r.LnP, "non_inferior": r.NonInferior, "bound": r.Bound, "tost_p_value": r.EquivalenceP,
	}, err
}

func nonInferiorityProps(in struct {
	twoProportions
	Margin         number
	HigherIsBetter *bool `json:"higher_is_better"`
},
) (values, error) {
	a, b := in.arms()
	if in.HigherIsBetter != nil && !*in.HigherIsBetter {
		a.X, b.X = a.N-a.X, b.N-b.X
	}
	r, err := stats.NonInferiorRates(a, b, float64(in.Margin))
	out := values{"z_fm": r.Z, "p_value_fm": r.P}
	if !math.IsNaN(r.WaldZ) {
		out["z_wald"], out["p_value_wald"] = r.WaldZ, r.WaldP
	}
	return out, err
}
