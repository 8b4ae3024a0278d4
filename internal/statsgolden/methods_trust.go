package main

import "github.com/assayhq/assay/stats"

// trustMethods are checks of whether a result can be believed.
func trustMethods() map[string]method {
	return map[string]method{
		"heterogeneity": with(heterogeneity),
		"aa_uniformity": with(aaUniformity),
	}
}

func heterogeneity(in struct{ Effects, SES []number }) (values, error) {
	h, err := stats.Heterogeneous(floats(in.Effects), floats(in.SES))
	return values{
		"pooled": h.Pooled, "pooled_se": h.PooledSE, "q": h.Q, "df": h.DF, "p_value": h.P, "ln_p_value": h.LnP, "i2": h.I2, "tau2": h.Tau2,
	}, err
}

func aaUniformity(in struct{ P []number }) (values, error) {
	u, err := stats.Uniform(floats(in.P))
	return values{"d": u.D, "p_value": u.P}, err
}
