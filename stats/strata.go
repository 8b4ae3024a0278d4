package stats

import "math"

// Stratum is a group of units known before the experiment, a country or a cohort, with its two arms.
type Stratum struct{ Control, Treatment Moments }

// PostStratify compares means within strata and weighs the differences by the strata's sizes (L. W. Miratrix, J. S. Sekhon and B. Yu,
// JRSS B 75, 2013), for the population that the strata are a sample of:
//
//	d = Σ ν_k d_k, Var(d) = Σ ν_k² (V_bk + V_ak) + (Σ ν_k d_k² - d²) / N, ν_k = n_k / N
//
// It removes the differences between strata from the variance and from a chance imbalance of the arms. A stratum needs two units in
// each arm; merge smaller ones first. One stratum gives the plain comparison.
func PostStratify(strata []Stratum, t Test) (Effect, error) {
	total := 0.0
	var failure error
	for _, s := range strata {
		_, _, err := samples(s.Control, s.Treatment)
		failure = graver(failure, err)
		total += float64(s.Control.N) + float64(s.Treatment.N)
	}
	if failure != nil {
		return Effect{}, failure
	}
	if len(strata) == 0 {
		return Effect{}, fail(InsufficientData, "there are no strata")
	}
	var a, b Sample
	var squareA, product float64
	for _, s := range strata {
		sa, sb, _ := samples(s.Control, s.Treatment) // checked above
		share := (float64(s.Control.N) + float64(s.Treatment.N)) / total
		d := (sb.Mean - sa.Mean) + (sb.Rest - sa.Rest)
		a.Mean, b.Mean = a.Mean+share*sa.Mean, b.Mean+share*d
		a.Variance, b.Variance = a.Variance+share*share*sa.Variance, b.Variance+share*share*sb.Variance
		squareA, product = squareA+share*sa.Mean*sa.Mean, product+share*d*sa.Mean
	}
	d := b.Mean
	base := baseline{
		mean: a.Mean, variance: a.Variance + math.Max(0, squareA-a.Mean*a.Mean)/total,
		covariance: -a.Variance + (product-d*a.Mean)/total,
	}
	b.Mean += a.Mean
	b.Rest = d - (b.Mean - a.Mean)
	b.Variance += spread(strata, d, total) / total
	return newEffect(Effect{
		Method: "z test, post-stratified", DF: math.Inf(1), control: a, treatment: b, baseline: &base,
	}, t)
}

// spread is Σ ν_k (d_k - d)², which is Σ ν_k d_k² - d² without its cancellation.
func spread(strata []Stratum, d, total float64) float64 {
	sum := 0.0
	for _, s := range strata {
		gap := (s.Treatment.Mean - s.Control.Mean) + (s.Treatment.Rest - s.Control.Rest) - d
		sum += (float64(s.Control.N) + float64(s.Treatment.N)) / total * gap * gap
	}
	return sum
}
