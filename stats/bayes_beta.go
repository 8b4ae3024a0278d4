package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// BetaPrior is what is believed of a conversion rate before the data: Beta(Alpha, Beta), as if Alpha + Beta units had been seen of which
// Alpha converted. Beta(1, 1) is flat. Both are at least 0.001.
type BetaPrior struct{ Alpha, Beta float64 }

// BetaPosterior compares two conversion rates in the beta-binomial model.
type BetaPosterior struct {
	// ChanceToWin is P(treatment's rate > control's), LossControl and LossTreatment what is expected to be lost by keeping control,
	// E[max(B-A, 0)], and by shipping treatment, E[max(A-B, 0)].
	ChanceToWin, LossControl, LossTreatment float64
	// Control and Treatment are the rates.
	Control, Treatment CredibleRate
}

// CredibleRate is the posterior mean of a rate with its equal-tailed credible interval at 1 - alpha.
type CredibleRate struct{ Mean, Low, High float64 }

// BetaBinomial compares two conversion rates with the same prior in each arm. Chance and losses are finite sums or contour integrals (see duel),
// or, where a parameter is far below 1, quadrature on the logit scale, on which a beta density is log-concave for all parameters (E. Miller, Formulas
// for Bayesian A/B testing, 2014, and C. Stucchio, Bayesian A/B testing at VWO, 2015, give the sums). No sampling: the same
// data give the same numbers. It assumes that units convert independently, with one rate per arm, and needs no data at all.
func BetaBinomial(control, treatment Proportion, prior BetaPrior, alpha float64) (BetaPosterior, error) {
	if err := checkLevel(alpha); err != nil {
		return BetaPosterior{}, err
	}
	arms, err := betaArms([]Proportion{control, treatment}, prior, false)
	if err != nil {
		return BetaPosterior{}, err
	}
	best, loss, err := arms.judged(true, true)
	if err != nil {
		return BetaPosterior{}, err
	}
	return BetaPosterior{
		ChanceToWin: best[1], LossControl: loss[0], LossTreatment: loss[1],
		Control: control.credible(prior, alpha), Treatment: treatment.credible(prior, alpha),
	}, nil
}

// CredibleRate is the posterior of the rate alone: Beta(Alpha + X, Beta + N - X), its mean and the quantiles at alpha/2 and 1 - alpha/2 (A.
// Gelman et al., Bayesian Data Analysis, 3rd edition, section 2.4).
func (p Proportion) CredibleRate(prior BetaPrior, alpha float64) (CredibleRate, error) {
	if err := checkLevel(alpha); err != nil {
		return CredibleRate{}, err
	}
	if err := p.checkBayes(prior); err != nil {
		return CredibleRate{}, err
	}
	return p.credible(prior, alpha), nil
}

func (p Proportion) credible(prior BetaPrior, alpha float64) CredibleRate {
	a, b := prior.Alpha+float64(p.X), prior.Beta+float64(p.N-p.X)
	return CredibleRate{Mean: a / (a + b), Low: special.BetaQuantile(alpha/2, a, b), High: special.BetaUpperQuantile(alpha/2, a, b)}
}

// weakest is the least parameter of a prior: a weaker one puts nearly all its mass on rates of exactly 0 and 1.
const weakest = 0.001

func (p Proportion) checkBayes(prior BetaPrior) error {
	if !(prior.Alpha >= weakest && prior.Beta >= weakest && prior.Alpha <= 1e12 && prior.Beta <= 1e12) {
		return fail(InvalidInput, "the parameters of a beta prior must be at least 0.001, not %v and %v", prior.Alpha, prior.Beta)
	}
	if p.N < 0 || p.X < 0 || p.X > p.N {
		return fail(InvalidInput, "%d conversions of %d units cannot be", p.X, p.N)
	}
	return nil
}

// BestOfRates are the probabilities of each of several arms to have the largest rate (the smallest when lowerIsBetter) in the model of
// BetaBinomial: ∫ fᵢ Πⱼ Fⱼ, which for two arms is its ChanceToWin.
func BestOfRates(arms []Proportion, prior BetaPrior, lowerIsBetter bool) ([]float64, error) {
	posteriors, err := betaArms(arms, prior, lowerIsBetter)
	if err != nil {
		return nil, err
	}
	best, _, err := posteriors.judged(true, false)
	return best, err
}

// LossOfRates is what is expected to be lost by each arm against the best of all: E[max over arms - arm], for two arms the losses of
// BetaBinomial.
func LossOfRates(arms []Proportion, prior BetaPrior, lowerIsBetter bool) ([]float64, error) {
	posteriors, err := betaArms(arms, prior, lowerIsBetter)
	if err != nil {
		return nil, err
	}
	_, loss, err := posteriors.judged(false, true)
	return loss, err
}

// widestLogit is the widest panel on the logit scale, whose nearest singularity is π away from the real line.
const widestLogit = 4.5

// farLogit is where a rate or its complement is next to underflow.
const farLogit = 600

// betaParameters are those of the posterior of each arm.
type betaParameters [][2]float64

func betaArms(arms []Proportion, prior BetaPrior, lowerIsBetter bool) (betaParameters, error) {
	if len(arms) == 0 {
		return nil, fail(InvalidInput, "there are no arms")
	}
	out := make(betaParameters, len(arms))
	for i, p := range arms {
		if err := p.checkBayes(prior); err != nil {
			return nil, err
		}
		a, b := prior.Alpha+float64(p.X), prior.Beta+float64(p.N-p.X)
		if lowerIsBetter {
			a, b = b, a // the rate of not converting
		}
		out[i] = [2]float64{a, b}
	}
	return out, nil
}

// judged are the chances to be best and the expected losses, those of them that are asked for where they cost something.
func (p betaParameters) judged(chances, losses bool) (best, loss []float64, err error) {
	if len(p) == 2 {
		if best, loss, ok := p.duel(); ok {
			return best, loss, nil
		}
	}
	posteriors := p.posteriors()
	if chances {
		if best, err = sound(posteriors.best()); err != nil {
			return nil, nil, err
		}
	}
	if losses {
		loss, err = sound(posteriors.loss())
	}
	return best, loss, err
}

// posteriors are the arms for quadrature.
func (p betaParameters) posteriors() posteriors {
	out := posteriors{arms: make([]arm, len(p)), widest: widestLogit}
	for i, ab := range p {
		out.arms[i] = betaArm(ab[0], ab[1])
	}
	if g, ok := rateGrid(out.arms, p); ok {
		out.grid = &g
	}
	return out
}

// duel judges two arms; false where neither sums nor contour integrals serve.
func (p betaParameters) duel() (best, loss []float64, ok bool) {
	behind, ahead := 0, 1
	if crossDifference(p[0][0], p[1][1], p[1][0], p[0][1]) > 0 {
		behind, ahead = 1, 0
	}
	a, b, c, d := p[behind][0], p[behind][1], p[ahead][0], p[ahead][1]
	duel := newDuel(a, b, c, d)
	chance, excess, ok := duel.sums()
	if !ok {
		chance, excess, ok = duel.solve()
	}
	if !ok {
		return nil, nil, false
	}
	best, loss = make([]float64, 2), make([]float64, 2)
	best[behind], best[ahead] = chance, 1-chance
	loss[ahead], loss[behind] = excess, excess+duel.s0*duel.kappa
	return best, loss, true
}

func betaArm(a, b float64) arm {
	sum := a + b
	constant := 0.5*math.Log(a*(b/sum)) - 0.5*math.Log(2*math.Pi) - stirlingError(a) - stirlingError(b) + stirlingError(sum)
	lnDensity := func(u float64) float64 {
		if math.Abs(u) > farLogit { // only the leading term is left, and x or y underflows
			return constant + a*math.Log(sum/a) + b*math.Log(sum/b) - math.Max(a*math.Max(-u, 0), b*math.Max(u, 0))
		}
		x, y := logistic(u)
		return constant - deviance(a, sum*x, a-sum*x) - deviance(b, sum*y, b-sum*y)
	}
	return arm{
		mean: a / sum, scale: scale{math.Log(a / b), math.Sqrt(1/a + 1/b)}, lnDensity: lnDensity,
		lnBelow: func(u float64) float64 {
			switch {
			case u < -farLogit:
				return lnDensity(u) - math.Log(a)
			case u > farLogit:
				return math.Log1p(-math.Exp(lnDensity(u) - math.Log(b)))
			}
			x, y := logistic(u)
			if x < 0.5 { // from the end where the small one of x and y keeps its digits
				return special.LogBetaCDF(x, a, b)
			}
			return special.LogBetaSurvival(y, b, a)
		},
		lnJacobian: func(u float64) float64 {
			return -math.Abs(u) - 2*math.Log1p(math.Exp(-math.Abs(u)))
		},
	}
}

// logistic is 1/(1+e^-u) and its complement.
func logistic(u float64) (x, y float64) {
	if u < 0 {
		e := math.Exp(u)
		return e / (1 + e), 1 / (1 + e)
	}
	e := math.Exp(-u)
	return 1 / (1 + e), e / (1 + e)
}
