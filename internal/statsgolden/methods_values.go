package main

import (
	"encoding/json"
	"math"

	"github.com/assayhq/assay/stats"
)

func winsorize(in struct {
	Values      []number
	Upper       *number
	Lower       *number
	NonzeroOnly bool `json:"nonzero_only"`
},
) (values, error) {
	if len(in.Values) == 0 {
		return nil, &stats.Error{Kind: stats.InsufficientData, Sentence: "there are no values"}
	}
	list, p := floats(in.Values), stats.Percentiles{NonZero: in.NonzeroOnly}
	if in.Upper != nil {
		p.Upper = float64(*in.Upper)
	}
	if in.Lower != nil {
		p.Lower = float64(*in.Lower)
	}
	caps, err := p.Caps(list)
	if err != nil {
		return nil, err
	}
	for i, v := range list {
		list[i] = caps.Of(v)
	}
	m := stats.MomentsOf(list)
	out := values{"cap": nil, "mean": m.Mean, "var": nil}
	if !math.IsInf(caps.High, 1) {
		out["cap"] = caps.High
	}
	if !math.IsInf(caps.Low, -1) {
		out["cap_low"] = caps.Low
	}
	if m.N > 1 {
		out["var"] = m.Variance()
	}
	return out, nil
}

func mannWhitney(in struct{ A, B []number }) (values, error) {
	r, err := stats.MannWhitney(floats(in.A), floats(in.B))
	if err != nil {
		return nil, err
	}
	out := values{"u_b": r.U, "prob_superiority": r.Superiority, "z": r.Z, "p_value": r.P, "p_value_cc": r.PContinuity, "ln_p_value": r.LnP}
	if !math.IsNaN(r.PExact) {
		out["p_value_exact"] = r.PExact
	}
	return out, nil
}

func quantileCI(in struct {
	Values   []number
	Q, Alpha number
},
) (values, error) {
	r, err := stats.Quantile(floats(in.Values), float64(in.Q), float64(in.Alpha))
	if err != nil {
		return nil, err
	}
	out := values{"estimate": r.Estimate, "lower_index": nil, "upper_index": nil, "ci_low": r.Low, "ci_high": r.High, "coverage": r.Coverage}
	if r.Lower > 0 {
		out["lower_index"] = r.Lower
	}
	if r.Upper > 0 {
		out["upper_index"] = r.Upper
	}
	return out, nil
}

type outerQuantile struct {
	N               count
	NStar           count `json:"n_star"`
	Q, Lower, Upper number
}

func (o outerQuantile) quantile() stats.OuterQuantile {
	return stats.OuterQuantile{N: int64(o.N), Star: int64(o.NStar), Value: float64(o.Q), Lower: float64(o.Lower), Upper: float64(o.Upper)}
}

func quantileOuterCI(in struct {
	Nu   number
	A, B outerQuantile
},
) (values, error) {
	if !(in.Nu > 0 && in.Nu < 1) {
		return nil, &stats.Error{Kind: stats.InvalidInput, Sentence: "the quantile must lie between 0 and 1"}
	}
	a, b := in.A.quantile(), in.B.quantile()
	e, err := stats.CompareQuantiles(a, b, stats.Test{Alpha: 0.05})
	if err != nil {
		return nil, err
	}
	out := effect(e, "z")
	out["var_a"], out["var_b"], out["p_value_z"] = a.UnitVariance(), b.UnitVariance(), e.P
	sa, _ := a.Sample() // compared above
	sb, _ := b.Sample()
	addLift(out, sa, sb)
	return out, nil
}

// row is [variant, converted, revenue, sessions, clicks, revenue before].
type row struct {
	variant string
	numbers [5]float64
}

// UnmarshalJSON reads the list.
func (r *row) UnmarshalJSON(text []byte) error {
	var n [5]number
	if err := json.Unmarshal(text, &[]any{&r.variant, &n[0], &n[1], &n[2], &n[3], &n[4]}); err != nil {
		return err
	}
	copy(r.numbers[:], floats(n[:]))
	return nil
}

func endToEnd(in struct{ Rows []row }) (values, error) {
	arms := [2]*stats.CoSums{stats.NewCoSums(5), stats.NewCoSums(5)}
	for _, r := range in.Rows {
		arm := 0
		switch r.variant {
		case "A":
		case "B":
			arm = 1
		default:
			return nil, &stats.Error{Kind: stats.InvalidInput, Sentence: "there are the arms A and B only"}
		}
		if err := arms[arm].Add(r.numbers[:]...); err != nil {
			return nil, err
		}
	}
	const converted, revenue, sessions, clicks, before = 0, 1, 2, 3, 4
	a, b, test := arms[0], arms[1], stats.Test{Alpha: 0.05}
	srm, err := stats.SampleRatio([]int64{a.N(), b.N()}, []int64{1, 1})
	if err != nil {
		return nil, err
	}
	rate := func(s *stats.CoSums) stats.Proportion {
		return stats.Proportion{N: s.N(), X: int64(s.Sums(converted).Sum())}
	}
	pooled, errConversion := stats.Pooled(rate(a), rate(b))
	mean, errRevenue := stats.WelchTest(a.Moments(revenue), b.Moments(revenue), test)
	ratioA, errA := a.Ratio(clicks, sessions)
	ratioB, errB := b.Ratio(clicks, sessions)
	ratio, errRatio := stats.CompareRatios(ratioA, ratioB, test)
	adjusted, errCUPED := stats.CUPED(a.Select(revenue, before), b.Select(revenue, before), test)
	for _, err := range []error{errConversion, errRevenue, errA, errB, errRatio, errCUPED} {
		if err != nil {
			return nil, err
		}
	}
	out := values{
		"srm_p": srm.P, "conversion_diff": rate(b).Rate() - rate(a).Rate(), "conversion_p": pooled.P,
		"revenue_diff": mean.Difference, "revenue_p": mean.P, "ctr_diff": ratio.Difference, "ctr_p": ratio.P,
		"cuped_theta": adjusted.Theta[0], "cuped_diff": adjusted.Difference, "cuped_se": adjusted.SE, "cuped_p": adjusted.P,
	}
	out["holm"], err = stats.Adjust(stats.Holm, []float64{pooled.P, mean.P, ratio.P, adjusted.P})
	return out, err
}
