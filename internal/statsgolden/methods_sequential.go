package main

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/assayhq/assay/stats"
)

// sequentialMethods are the designs and tests that may be looked at while they run, and corrections for many comparisons.
func sequentialMethods() map[string]method {
	return map[string]method{
		"group_sequential": with(groupSequential),
		"alpha_spending":   with(alphaSpending),

		"asymptotic_cs":        with(asymptoticCS),
		"msprt":                with(msprt),
		"normal_mixture_bound": with(normalMixtureBound),
		"beta_binomial_cs":     with(betaBinomialCS),
		"srm_sequential":       with(srmSequential),
		"p_adjust":             with(pAdjust),
	}
}

func groupSequential(in struct {
	Shape string
	Looks int
	Alpha number
	Delta *number
},
) (values, error) {
	rise, known := map[string]float64{"pocock": 0, "obf": -0.5}[in.Shape]
	if in.Shape == "wang_tsiatis" && in.Delta != nil {
		rise, known = float64(*in.Delta)-0.5, true
	}
	if !known {
		return nil, &stats.Error{Kind: stats.InvalidInput, Sentence: "the shape is pocock or obf, not " + in.Shape}
	}
	b, constant, err := stats.ClassicalBoundary(rise, in.Looks, float64(in.Alpha))
	if err != nil {
		return nil, err
	}
	return values{"constant": constant, "bounds": b.Bounds, "nominal_p": b.NominalP, "total_alpha": b.Spent[len(b.Spent)-1]}, nil
}

func alphaSpending(in struct {
	Kind  string
	Info  []number
	Alpha number
	Rho   *number
},
) (values, error) {
	spending := stats.Spending{Kind: map[string]stats.SpendingKind{"obf": stats.OBrienFlemingSpending, "pocock": stats.PocockSpending}[in.Kind]}
	if exponent, isPower := strings.CutPrefix(in.Kind, "power"); isPower {
		rho, err := strconv.ParseFloat(exponent, 64)
		if exponent == "" && in.Rho != nil {
			rho, err = float64(*in.Rho), nil
		}
		if err != nil {
			return nil, &stats.Error{Kind: stats.InvalidInput, Sentence: "power spending is written power2, not " + in.Kind}
		}
		spending = stats.Spending{Kind: stats.PowerSpending, Parameter: rho}
	}
	b, err := stats.SpendingBoundary(spending, floats(in.Info), float64(in.Alpha), false)
	return values{"cumulative_alpha": b.Spent, "bounds": b.Bounds, "nominal_p": b.NominalP}, err
}

// asymptoticCS gives GrowthBook's rho where only n_star is given, as the file defines it, and names the exact one beside it.
func asymptoticCS(in struct {
	Effect, SE, N, Alpha number
	NStar                *number `json:"n_star"`
	Rho                  *number
},
) (values, error) {
	alpha, n, se, effect := float64(in.Alpha), float64(in.N), float64(in.SE), float64(in.Effect)
	if math.IsNaN(effect) || math.IsInf(effect, 0) || !(se >= 0) || math.IsInf(se, 1) {
		return nil, invalid("the effect and its standard error must be finite, and the latter not negative")
	}
	if se == 0 {
		return nil, &stats.Error{Kind: stats.ZeroVariance, Sentence: "the standard error is 0"}
	}
	out := values{}
	var rho, rhoOneSided float64
	switch {
	case in.NStar != nil:
		var err, err1, err2 error
		var exact float64
		rho, err = stats.TunedRhoApproximate(float64(*in.NStar), alpha)
		exact, err1 = stats.TunedRho(float64(*in.NStar), alpha)
		rhoOneSided, err2 = tunedOneSided(float64(*in.NStar), alpha)
		if err := errors.Join(err, err1, err2); err != nil {
			return nil, err
		}
		out["rho_approx"], out["rho_exact"], out["rho_one_sided"] = rho, exact, rhoOneSided
		if in.Rho != nil {
			rho = float64(*in.Rho)
		}
	case in.Rho != nil:
		rho, rhoOneSided = float64(*in.Rho), float64(*in.Rho)
	default:
		return nil, invalid("rho or n_star is missing")
	}
	two, err := stats.ConfidenceSequence(n, rho, alpha)
	if err != nil {
		return nil, err
	}
	one, err := stats.ConfidenceSequenceOneSided(n, rhoOneSided, alpha)
	if err != nil {
		return nil, err
	}
	fixed, err := stats.FixedHorizon(alpha)
	half := two.Critical * se
	out["half_width"], out["ci_low"], out["ci_high"] = half, effect-half, effect+half
	out["p_value"], out["one_sided_half_width"] = two.P(effect/se), one.Critical*se
	out["width_ratio_to_fixed"] = two.Critical / fixed.Critical
	return out, err
}

// tunedOneSided is the rho of 2·alpha; with alpha of one half and more there is none, and no one-sided test either.
func tunedOneSided(nStar, alpha float64) (float64, error) {
	return stats.TunedRhoApproximate(nStar, math.Min(2*alpha, 0.999999))
}

func msprt(in struct {
	Tau2, Alpha number
	Looks       [][2]number
},
) (values, error) {
	var lnLambda, p, low, high []float64
	for _, look := range in.Looks {
		d, v := float64(look[0]), float64(look[1])
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return nil, invalid("a difference must be finite")
		}
		rule, err := stats.Mixture(v, float64(in.Tau2), float64(in.Alpha))
		if err != nil {
			return nil, err
		}
		se := math.Sqrt(v)
		ln, _ := rule.LnE(d / se)
		lnLambda, p = append(lnLambda, ln), append(p, rule.P(d/se))
		low, high = append(low, d-rule.Critical*se), append(high, d+rule.Critical*se)
	}
	return values{"ln_lambda": lnLambda, "p_value": stats.RunningMinimum(p), "ci_low": low, "ci_high": high}, nil
}

func normalMixtureBound(in struct {
	V, Alpha number
	VOpt     number `json:"v_opt"`
},
) (values, error) {
	rho, bound, err := stats.NormalMixtureBound(float64(in.V), float64(in.VOpt), float64(in.Alpha))
	return values{"rho": rho, "bound": bound}, err
}

func betaBinomialCS(in struct {
	X, N  count
	A, B  *number
	Alpha number
},
) (values, error) {
	low, high, err := stats.Proportion{N: int64(in.N), X: int64(in.X)}.RateSequence(orOne(in.A), orOne(in.B), float64(in.Alpha))
	return values{"ci_low": low, "ci_high": high}, err
}

func srmSequential(in struct {
	Weights       []number
	Concentration *number
	Looks         [][]count
},
) (values, error) {
	looks := make([][]int64, len(in.Looks))
	for i, look := range in.Looks {
		looks[i] = counts(look)
	}
	concentration := float64(stats.SRMConcentration)
	if in.Concentration != nil {
		concentration = float64(*in.Concentration)
	}
	s, err := stats.SampleRatioSequence(looks, floats(in.Weights), concentration)
	return values{"ln_bayes_factor": s.LnBayesFactor, "p_value": s.P}, err
}

func pAdjust(in struct{ P []number }) (values, error) {
	out := values{}
	for name, correction := range map[string]stats.Correction{
		"bonferroni": stats.Bonferroni, "holm": stats.Holm, "hochberg": stats.Hochberg, "hommel": stats.Hommel,
		"bh": stats.BenjaminiHochberg, "by": stats.BenjaminiYekutieli,
	} {
		adjusted, err := stats.Adjust(correction, floats(in.P))
		if err != nil {
			return nil, err
		}
		out[name] = adjusted
	}
	return out, nil
}

func invalid(sentence string) error {
	return &stats.Error{Kind: stats.InvalidInput, Sentence: sentence}
}
