package main

import (
	"math"

	"github.com/assayhq/assay/stats"
	"github.com/assayhq/assay/stats/special"
)

func specialFunction(in struct {
	Fn   string
	Args []number
},
) (values, error) {
	one := map[string]func(x float64) float64{
		"norm_sf": special.NormalSurvival, "norm_ppf": special.NormalQuantile, "ln_norm_sf": special.LogNormalSurvival,
		"norm_cdf": func(x float64) float64 { return special.NormalSurvival(-x) },
	}
	two := map[string]func(x, y float64) float64{
		"t_sf": special.StudentSurvival, "t_ppf": special.StudentQuantile, "chi2_sf": special.ChiSquareSurvival,
		"t_two_sided_p": func(t, nu float64) float64 { return 2 * special.StudentSurvival(math.Abs(t), nu) },
	}
	three := map[string]func(x, y, z float64) float64{
		"beta_cdf": special.BetaCDF, "beta_sf": special.BetaSurvival, "beta_ppf": special.BetaQuantile, "nct_sf": special.NoncentralTSurvival,
		"binom_cdf": special.BinomialCDF, "f_sf": special.FSurvival,
	}
	x, value := floats(in.Args), math.NaN()
	switch {
	case (in.Fn == "norm_ppf" || in.Fn == "t_ppf") && len(x) > 0 && (x[0] == 0 || x[0] == 1):
		value = math.Inf(int(2*x[0] - 1)) // the ends of the line
	case len(x) == 1 && one[in.Fn] != nil:
		value = one[in.Fn](x[0])
	case len(x) == 2 && two[in.Fn] != nil:
		value = two[in.Fn](x[0], x[1])
	case len(x) == 3 && three[in.Fn] != nil:
		value = three[in.Fn](x[0], x[1], x[2])
	}
	if math.IsNaN(value) {
		return nil, &stats.Error{Kind: stats.InvalidInput, Sentence: in.Fn + " has no value there, or is not known"}
	}
	return values{"value": value}, nil
}
