package main

import (
	"github.com/assayhq/assay/stats"
	"github.com/assayhq/assay/stats/special"
)

func specialFunction(in struct {
	Fn   string
	Args []number
}) (values, error) {
	one := map[string]func(x float64) float64{
		"norm_sf": special.NormalSurvival, "norm_ppf": special.NormalQuantile, "ln_norm_sf": special.LogNormalSurvival,
	}
	two := map[string]func(x, y float64) float64{
		"t_sf": special.StudentSurvival, "t_ppf": special.StudentQuantile, "chi2_sf": special.ChiSquareSurvival,
	}
	x := floats(in.Args)
	if f, known := one[in.Fn]; known && len(x) == 1 {
		return values{"value": f(x[0])}, nil
	}
	if f, known := two[in.Fn]; known && len(x) == 2 {
		return values{"value": f(x[0], x[1])}, nil
	}
	return nil, &stats.Error{Kind: stats.InvalidInput, Sentence: "this function is not known"}
}
