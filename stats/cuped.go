package stats

import (
	"math"
	"math/big"
	"slices"
)

// CUPEDEffect is a comparison of means that uses what was known of the units before the experiment.
type CUPEDEffect struct {
	// Effect compares the adjusted means by Welch's test. Its relative effect is over the control's unadjusted mean, with the
	// covariance of the two.
	Effect
	// Raw is the comparison without adjustment.
	Raw Effect
	// Theta are the coefficients of the covariates; 0 for one that was dropped. With PerArm they are the control's, and
	// ThetaTreatment the treatment's.
	Theta, ThetaTreatment []float64
	// Dropped are the covariates (from 0) that the others or a constant explain, so that they add nothing.
	Dropped []int
	// VarianceReduction is 1 - V_adjusted / V_raw of the difference; below 0 when the covariates did not help.
	VarianceReduction float64
	// ControlArm and TreatmentArm are the adjusted arms.
	ControlArm, TreatmentArm AdjustedArm
}

// AdjustedArm is an arm after adjustment: its mean, the variance of a unit (with n - 1), and its mean without adjustment.
type AdjustedArm struct{ Mean, Variance, RawMean float64 }

// precision of the solution in bits: far more than the sums' 53, so that a metric which its covariate predicts perfectly is seen to be.
const precision = 320

// nothing is the share of the variance below which nothing is left of it: rounding of values themselves leaves 1e-32.
const nothing = 1e-24

// Coefficients says from which variation the coefficients of covariates are taken.
type Coefficients uint8

// The ways. They differ little, because randomised arms have nearly the same covariates.
const (
	// Together takes both arms as one, as the original paper and GrowthBook do. It is the default.
	Together Coefficients = iota
	// WithinArms takes the variation within the arms only, one slope for both: the analysis of covariance.
	WithinArms
	// PerArm gives each arm its own slope, which is never worse with many units (W. Lin, Annals of Applied Statistics 7, 2013).
	PerArm
)

// CUPED compares means after removing what covariates from before the exposure predict (A. Deng, Y. Xu, R. Kohavi and T. Walker,
// WSDM 2013, equations 3 to 6): value 0 of each arm's sums is the metric, the others are covariates, in the same order in both arms.
//
//	theta = Cov(x, x)⁻¹ Cov(x, y) over both arms together
//	ȳ_adj = ȳ - theta·(x̄ - x̄_all), s²_adj = s_y² + theta' S_x theta - 2 theta·s_xy
//
// Covariates must not be affected by the treatment. A covariate that is constant or explained by others is dropped; without any the
// result is the unadjusted one. Units without earlier data: see WithMissing. It takes two units in each arm, and many more than
// covariates: what estimating theta costs is not in the variance.
func CUPED(control, treatment *CoSums, t Test) (CUPEDEffect, error) {
	return CUPEDBy(Together, control, treatment, t)
}

// CUPEDBy is CUPED with coefficients taken in another way.
func CUPEDBy(how Coefficients, control, treatment *CoSums, t Test) (CUPEDEffect, error) {
	if control.Len() != treatment.Len() || control.Len() < 1 || how > PerArm {
		return CUPEDEffect{}, fail(InvalidInput, "the arms have %d and %d values per unit; both need the metric and the same covariates", control.Len(), treatment.Len())
	}
	rawA, rawB := control.Moments(0), treatment.Moments(0)
	raw, err := WelchTest(rawA, rawB, t)
	if err != nil {
		return CUPEDEffect{}, err
	}
	all := NewCoSums(control.Len())
	_ = all.Merge(control) // as many values
	_ = all.Merge(treatment)
	thetaA, thetaB, dropped := coefficients(how, control, treatment, all)
	a, b := control.adjusted(all, thetaA), treatment.adjusted(all, thetaB)
	if a.variance <= nothing*rawA.Variance() && b.variance <= nothing*rawB.Variance() {
		return CUPEDEffect{}, fail(ZeroVariance, "the covariates predict the metric perfectly, so there is nothing left to judge a difference by")
	}
	na, nb := float64(control.n), float64(treatment.n)
	e := Effect{
		Method: "Welch's t test with CUPED", control: a.sample(na), treatment: b.sample(nb),
		baseline: &baseline{mean: rawA.Mean, variance: rawA.Variance() / na, covariance: -a.covariance / na},
	}
	e.DF = satterthwaite(e.control.Variance, e.treatment.Variance, control.n, treatment.n)
	if e, err = newEffect(e, t); err != nil {
		return CUPEDEffect{}, err
	}
	out := CUPEDEffect{Effect: e, Raw: raw, Theta: plain(thetaA), Dropped: dropped}
	if how == PerArm {
		out.ThetaTreatment = plain(thetaB)
	}
	out.VarianceReduction = 1 - e.SE*e.SE/(raw.SE*raw.SE)
	out.ControlArm = AdjustedArm{Mean: a.mean, Variance: a.variance, RawMean: rawA.Mean}
	out.TreatmentArm = AdjustedArm{Mean: b.mean, Variance: b.variance, RawMean: rawB.Mean}
	return out, nil
}

// coefficients of both arms, and the covariates that were dropped.
func coefficients(how Coefficients, control, treatment, all *CoSums) (a, b []*big.Float, dropped []int) {
	k := all.Len() - 1
	switch how {
	case WithinArms:
		a, dropped = solve(k, func(i, j int) *big.Float {
			inA, inB := quo(control.scaledComoment(i, j), bigInt(control.n)), quo(treatment.scaledComoment(i, j), bigInt(treatment.n))
			return inA.Add(inA, inB)
		})
		return a, a, dropped
	case PerArm:
		var more []int
		a, dropped = solve(k, control.scaledComoment)
		b, more = solve(k, treatment.scaledComoment)
		for _, d := range more {
			if !slices.Contains(dropped, d) {
				dropped = append(dropped, d)
			}
		}
		return a, b, dropped
	default:
		a, dropped = solve(k, all.scaledComoment)
		return a, a, dropped
	}
}

func plain(list []*big.Float) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i], _ = v.Float64()
	}
	return out
}

// RelativeSE is the delta method's standard error of the relative effect, linearised at the unadjusted difference as GrowthBook does
// since its issue 3610.
func (e CUPEDEffect) RelativeSE() float64 { return e.relativeSE(e.Raw.Difference) }

// WithMissing makes two covariates of one that some units lack (NaN): the value, 0 where it is missing, and whether it is. With both
// nobody is dropped, and the units without earlier data are a stratum of their own.
func WithMissing(x []float64) (value, missing []float64) {
	value, missing = make([]float64, len(x)), make([]float64, len(x))
	for i, v := range x {
		if math.IsNaN(v) {
			missing[i] = 1
		} else {
			value[i] = v
		}
	}
	return value, missing
}

// adjustedArm is an arm under given coefficients: adjusted mean, variance of a unit, and covariance of adjusted and raw value.
type adjustedArm struct{ mean, rest, variance, covariance float64 }

func (a adjustedArm) sample(n float64) Sample {
	return Sample{Mean: a.mean, Rest: a.rest, Variance: a.variance / n}
}

func (s *CoSums) adjusted(all *CoSums, theta []*big.Float) adjustedArm {
	n, nAll := bigInt(s.n), bigInt(all.n)
	mean := quo(s.sums[0].float(), n)
	for i, t := range theta {
		shift := quo(s.sums[i+1].float(), n)
		shift.Sub(shift, quo(all.sums[i+1].float(), nAll))
		mean.Sub(mean, shift.Mul(shift, t))
	}
	// with theta and -1 for the metric itself the residual is theta'x - y
	weights := append([]*big.Float{newBig().SetInt64(-1)}, theta...)
	variance, covariance := newBig(), newBig()
	for i, u := range weights {
		for j, v := range weights {
			c := newBig().Mul(u, s.scaledComoment(i, j))
			if j == 0 {
				covariance.Sub(covariance, c)
			}
			variance.Add(variance, c.Mul(c, v))
		}
	}
	scale := newBig().Mul(n, bigInt(s.n-1))
	out := adjustedArm{}
	out.mean, _ = mean.Float64()
	out.rest, _ = mean.Sub(mean, newBig().SetFloat64(out.mean)).Float64()
	out.variance, _ = variance.Quo(variance, scale).Float64()
	out.covariance, _ = covariance.Quo(covariance, scale).Float64()
	out.variance = math.Max(0, out.variance)
	return out
}

// solve finds the coefficients of k covariates from the cross products of values (0 is the metric) by elimination, dropping each
// covariate that those before it explain.
func solve(k int, cross func(i, j int) *big.Float) (theta []*big.Float, dropped []int) {
	theta = make([]*big.Float, k)
	left, right := make([][]*big.Float, k), make([]*big.Float, k)
	for i := range k {
		left[i] = make([]*big.Float, k)
		for j := range k {
			left[i][j] = newBig().Set(cross(i+1, j+1))
		}
		right[i] = newBig().Set(cross(i+1, 0))
		theta[i] = newBig()
	}
	kept := make([]bool, k)
	for p := range k {
		least := newBig().Mul(cross(p+1, p+1), newBig().SetFloat64(1e-12))
		if left[p][p].Sign() <= 0 || left[p][p].Cmp(least) <= 0 {
			dropped = append(dropped, p)
			continue
		}
		kept[p] = true
		for i := p + 1; i < k; i++ {
			eliminate(left, right, p, i)
		}
	}
	for p := k - 1; p >= 0; p-- {
		if !kept[p] {
			continue
		}
		sum := newBig().Set(right[p])
		for j := p + 1; j < k; j++ {
			sum.Sub(sum, newBig().Mul(left[p][j], theta[j]))
		}
		theta[p].Quo(sum, left[p][p])
	}
	return theta, dropped
}

// eliminate takes the multiple of row p from row i that clears its column p.
func eliminate(left [][]*big.Float, right []*big.Float, p, i int) {
	factor := quo(left[i][p], left[p][p])
	for j := p; j < len(left); j++ {
		left[i][j].Sub(left[i][j], newBig().Mul(factor, left[p][j]))
	}
	right[i].Sub(right[i], newBig().Mul(factor, right[p]))
}

func newBig() *big.Float { return new(big.Float).SetPrec(precision) }

func quo(a, b *big.Float) *big.Float { return newBig().Quo(a, b) }
