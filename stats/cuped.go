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

// nothing is the share of the variance below which nothing is left of it: the rounding of values themselves leaves 1e-32, and the
// solution is computed to as much.
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
	if control.n < 2 || treatment.n < 2 {
		return CUPEDEffect{}, fail(InsufficientData, "an arm has fewer than two units")
	}
	ca, cb := control.comoments(), treatment.comoments()
	rawA, rawB := ca.moments(0), cb.moments(0)
	raw, err := WelchTest(rawA, rawB, t)
	if err != nil {
		return CUPEDEffect{}, err
	}
	thetaA, thetaB, dropped := coefficients(how, ca, cb)
	a, b := ca.adjusted(cb, thetaA), cb.adjusted(ca, thetaB)
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
func coefficients(how Coefficients, control, treatment comoments) (a, b []pair, dropped []int) {
	switch how {
	case WithinArms:
		a, dropped = solve(control.len(), func(i, j int) pair { return control.at(i, j).add(treatment.at(i, j)) })
		return a, a, dropped
	case PerArm:
		var more []int
		a, dropped = solve(control.len(), control.at)
		b, more = solve(control.len(), treatment.at)
		for _, d := range more {
			if !slices.Contains(dropped, d) {
				dropped = append(dropped, d)
			}
		}
		return a, b, dropped
	default:
		// of both arms as one: within the arms, and between them
		na, nb := pairOf(float64(control.n)), pairOf(float64(treatment.n))
		weight := na.mul(nb).div(na.add(nb))
		a, dropped = solve(control.len(), func(i, j int) pair {
			between := control.means[i].sub(treatment.means[i]).mul(control.means[j].sub(treatment.means[j]))
			return control.at(i, j).add(treatment.at(i, j)).add(between.mul(weight))
		})
		return a, a, dropped
	}
}

func plain(list []pair) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = v.float()
	}
	return out
}

// RelativeSE is the delta method's standard error of the relative effect, linearised at the unadjusted difference as GrowthBook does
// since its issue 3610.
func (e CUPEDEffect) RelativeSE() float64 { return e.relativeSE(e.Raw.Difference) }

// WithMissing makes two covariates of one that some units lack (NaN): the value, 0 where it is missing, and whether it is (the missing-indicator
// method, which randomisation makes valid: A. Zhao and P. Ding, JASA 119, 2024). With both nobody is dropped, and the units without earlier
// data are a stratum of their own.
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

// comoments are the means and Σ(x - x̄)(y - ȳ) of all values of an arm, to 32 digits.
type comoments struct {
	n        int64
	means    []pair
	products []pair
}

func (s *CoSums) comoments() comoments {
	out := comoments{n: s.n, means: make([]pair, len(s.sums)), products: make([]pair, 0, len(s.products))}
	units, n, sums, w := bigInt(s.n), pairOf(float64(s.n)), make([]*big.Float, len(s.sums)), new(workspace)
	for i := range s.sums {
		sums[i] = s.sums[i].float()
		out.means[i] = w.pair(sums[i]).div(n)
		for j := range i + 1 {
			scaled := w.determinant(units, s.product(i, j).float(), sums[i], sums[j])
			out.products = append(out.products, w.pair(scaled).div(n))
		}
	}
	return out
}

// moments are those of value i.
func (c comoments) moments(i int) Moments {
	m := c.means[i]
	return Moments{N: c.n, Mean: m.hi, Rest: m.lo, M2: math.Max(0, c.at(i, i).float())}
}

// len is the number of covariates.
func (c comoments) len() int { return len(c.means) - 1 }

func (c comoments) at(i, j int) pair {
	if i < j {
		i, j = j, i
	}
	return c.products[i*(i+1)/2+j]
}

// adjusted is an arm beside the other one, whose units are in the overall mean of the covariates.
func (c comoments) adjusted(other comoments, theta []pair) adjustedArm {
	n, more := pairOf(float64(c.n)), pairOf(float64(other.n))
	share := more.div(n.add(more))
	mean := c.means[0]
	for i, t := range theta { // x̄ - x̄_all is the other arm's share of the gap between the arms
		mean = mean.sub(t.mul(c.means[i+1].sub(other.means[i+1]).mul(share)))
	}
	// the residual is the metric less theta·x
	variance, covariance := c.at(0, 0), c.at(0, 0)
	for i, t := range theta {
		cross := t.mul(c.at(i+1, 0))
		covariance = covariance.sub(cross)
		variance = variance.sub(cross).sub(cross)
		for j, u := range theta {
			variance = variance.add(t.mul(u).mul(c.at(i+1, j+1)))
		}
	}
	last := float64(c.n - 1)
	return adjustedArm{mean: mean.hi, rest: mean.lo, variance: math.Max(0, variance.float()/last), covariance: covariance.float() / last}
}

// solve finds the coefficients of k covariates from the cross products of values (0 is the metric) by elimination, dropping each
// covariate that those before it explain.
func solve(k int, cross func(i, j int) pair) (theta []pair, dropped []int) {
	left, right := make([][]pair, k), make([]pair, k)
	for i := range k {
		left[i] = make([]pair, k)
		for j := range k {
			left[i][j] = cross(i+1, j+1)
		}
		right[i] = cross(i+1, 0)
	}
	kept := make([]bool, k)
	for p := range k {
		if kept[p] = left[p][p].hi > 1e-12*cross(p+1, p+1).hi; !kept[p] {
			dropped = append(dropped, p)
			continue
		}
		for i := p + 1; i < k; i++ {
			factor := left[i][p].div(left[p][p])
			for j := p; j < k; j++ {
				left[i][j] = left[i][j].sub(factor.mul(left[p][j]))
			}
			right[i] = right[i].sub(factor.mul(right[p]))
		}
	}
	return substitute(left, right, kept), dropped
}

// substitute solves the triangle from its last row up; what was dropped is 0.
func substitute(left [][]pair, right []pair, kept []bool) []pair {
	theta := make([]pair, len(right))
	for p := len(right) - 1; p >= 0; p-- {
		if !kept[p] {
			continue
		}
		sum := right[p]
		for j := p + 1; j < len(right); j++ {
			sum = sum.sub(left[p][j].mul(theta[j]))
		}
		theta[p] = sum.div(left[p][p])
	}
	return theta
}
