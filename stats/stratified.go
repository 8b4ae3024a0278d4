package stats

import "math"

// StratumSums is a Stratum as the sums of both arms: value 0 is the metric, the others are covariates, in the same order everywhere.
type StratumSums struct{ Control, Treatment *CoSums }

// StratifiedEffect is a comparison of means within strata, adjusted by covariates where there are any.
type StratifiedEffect struct {
	// Effect is that of PostStratify. Its relative effect is over the control's mean as the strata weigh it.
	Effect
	// Raw is Welch's comparison of the same units without strata and covariates.
	Raw Effect
	// Theta are the coefficients of the covariates; 0 for one that was dropped, whose number (from 0) is in Dropped. Nil without covariates.
	Theta   []float64
	Dropped []int
	// VarianceReduction is 1 - V_adjusted / V_raw of the difference, by strata and covariates together; below 0 when they did not help.
	VarianceReduction float64
	// ControlArm and TreatmentArm are the arms' estimates that Effect compares.
	ControlArm, TreatmentArm Sample
}

// PostStratifySums is PostStratify with CUPED within the strata. The coefficients are those of the variation within strata and arms, one
// for all of them: the analysis of covariance with an intercept for each arm of each stratum,
//
//	theta = (Σ S_xx)⁻¹ Σ S_xy over the arms of all strata, ȳ_adj = ȳ - theta·(x̄ - x̄_stratum)
//
// and of the adjusted means and variances PostStratify makes the effect (the estimator of Miratrix, Sekhon and Yu 2013, with the adjustment of
// A. Deng, Y. Xu, R. Kohavi and T. Walker, WSDM 2013, in each stratum). Without covariates it is PostStratify exactly. Covariates and
// strata must be known before the exposure. Each stratum needs two units in each arm, and the coefficients many more units than there
// are strata and covariates: what estimating them costs is not in the variance.
func PostStratifySums(strata []StratumSums, t Test) (StratifiedEffect, error) {
	return postStratify(strata, t, func(s Stratum) Stratum { return s })
}

func postStratify(strata []StratumSums, t Test, as func(Stratum) Stratum) (StratifiedEffect, error) {
	cells, err := cellsOf(strata)
	if err != nil {
		return StratifiedEffect{}, err
	}
	var out StratifiedEffect
	if out.Raw, err = unstratified(strata, t); err != nil {
		return StratifiedEffect{}, err
	}
	k := cells[0][0].len()
	theta, dropped := solve(k, func(i, j int) pair {
		sum := pair{}
		for _, c := range cells {
			sum = sum.add(c[0].at(i, j)).add(c[1].at(i, j))
		}
		return sum
	})
	if k > 0 {
		out.Theta, out.Dropped = plain(theta), dropped
	}
	adjusted := make([]Stratum, len(cells))
	for i, c := range cells {
		adjusted[i] = as(Stratum{Control: c[0].momentsWithout(c[1], theta), Treatment: c[1].momentsWithout(c[0], theta)})
	}
	if out.Effect, err = PostStratify(adjusted, t); err != nil {
		return StratifiedEffect{}, err
	}
	if out.SE*out.SE <= nothing*out.Raw.SE*out.Raw.SE {
		return StratifiedEffect{}, fail(ZeroVariance, "strata and covariates predict the metric perfectly, so there is nothing left to judge a difference by")
	}
	if k > 0 {
		out.Method += ", with CUPED"
	}
	out.ControlArm, out.TreatmentArm = out.control, out.treatment
	out.VarianceReduction = 1 - out.SE*out.SE/(out.Raw.SE*out.Raw.SE)
	return out, nil
}

func cellsOf(strata []StratumSums) ([][2]comoments, error) {
	if len(strata) == 0 {
		return nil, fail(InsufficientData, "there are no strata")
	}
	out := make([][2]comoments, len(strata))
	width := strata[0].Control.Len()
	for i, s := range strata {
		if s.Control.Len() != width || s.Treatment.Len() != width || width < 1 {
			return nil, fail(InvalidInput, "a stratum has %d and %d values per unit and the first one %d; all need the metric and the same covariates", s.Control.Len(), s.Treatment.Len(), width)
		}
		if s.Control.n < 2 || s.Treatment.n < 2 {
			return nil, fail(InsufficientData, "a stratum has fewer than two units in an arm; merge it with another")
		}
		out[i] = [2]comoments{s.Control.comoments(), s.Treatment.comoments()}
	}
	return out, nil
}

// unstratified is the comparison of all units.
func unstratified(strata []StratumSums, t Test) (Effect, error) {
	control, treatment := NewCoSums(1), NewCoSums(1)
	for _, s := range strata {
		if err := control.Merge(s.Control.Select(0)); err != nil {
			return Effect{}, err
		}
		if err := treatment.Merge(s.Treatment.Select(0)); err != nil {
			return Effect{}, err
		}
	}
	return WelchTest(control.Moments(0), treatment.Moments(0), t)
}

// momentsWithout are the moments of the metric less what the coefficients predict, in an arm of a stratum beside the other arm of it.
func (c comoments) momentsWithout(other comoments, theta []pair) Moments {
	a := c.adjusted(other, theta)
	return Moments{N: c.n, Mean: a.mean, Rest: a.rest, M2: math.Max(0, a.variance*float64(c.n-1))}
}
