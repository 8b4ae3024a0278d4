package stats

import "math"

// Interacted compares means by the regression with interactions of W. Lin (Annals of Applied Statistics 7, 2013), y on the treatment, the
// covariates about their mean over both arms, and their products; its standard error is HC2 (J. G. MacKinnon and H. White, Journal of
// Econometrics 29, 1985). Column 0 of each arm is the metric, the others are covariates from before the exposure, in the same order.
//
// The regression is one of its own in each arm, evaluated at the mean x̄ of both: with z_i = x_i - x̄_arm, S = Σ z z', d = x̄ - x̄_arm,
//
//	estimate = Σ w_i y_i, w_i = 1/n + d'S⁻¹z_i, Var = Σ w_i² e_i² / (1 - h_i), h_i = 1/n + z_i'S⁻¹z_i
//
// The difference is that of CUPEDBy with coefficients PerArm, which sums suffice for; the leverages h_i need the units. With many units the
// two errors are one, with few HC2 counts what estimating the coefficients costs. It takes at least two units more in each arm than there
// are covariates. A covariate that is constant in an arm, or explained there by those before it, is left out of it.
func Interacted(control, treatment [][]float64, t Test) (Effect, error) {
	for _, arm := range [][][]float64{control, treatment} {
		if err := checkColumns(arm, len(control)); err != nil {
			return Effect{}, err
		}
	}
	centre := make([]float64, len(control)-1)
	na, nb := float64(len(control[0])), float64(len(treatment[0]))
	for i := range centre {
		a, b := MomentsOf(control[i+1]), MomentsOf(treatment[i+1])
		centre[i] = a.Mean + nb/(na+nb)*(b.Mean-a.Mean)
	}
	a, err := interceptAt(control, centre)
	if err != nil {
		return Effect{}, err
	}
	b, err := interceptAt(treatment, centre)
	if err != nil {
		return Effect{}, err
	}
	return NewEffect("z test of the regression with interactions, HC2", a, b, math.Inf(1), t)
}

func checkColumns(columns [][]float64, width int) error {
	if len(columns) < 1 || len(columns) != width {
		return fail(InvalidInput, "the arms have %d and %d columns; both need the metric and the same covariates", width, len(columns))
	}
	for _, c := range columns {
		if len(c) != len(columns[0]) {
			return fail(InvalidInput, "a column has %d values and another %d; every unit needs all of its values", len(columns[0]), len(c))
		}
		if !finite(c...) {
			return fail(InvalidInput, "an arm has a value that is no finite number")
		}
	}
	if n := len(columns[0]); n < width+1 {
		return fail(InsufficientData, "an arm has %d units, and a regression on %d covariates takes at least %d", n, width-1, width+1)
	}
	return nil
}

// interceptAt is an arm's regression at a point, with the HC2 variance.
func interceptAt(columns [][]float64, at []float64) (Sample, error) {
	sums, err := CoSumsOf(columns...)
	if err != nil {
		return Sample{}, err
	}
	c, k, n := sums.comoments(), len(at), float64(len(columns[0]))
	// with is S⁻¹ times a right side; a covariate that those before it explain is left out.
	with := func(right func(i int) pair) []float64 {
		theta, _ := solve(k, func(i, j int) pair {
			if j == 0 {
				return right(i)
			}
			return c.at(i, j)
		})
		return plain(theta)
	}
	slopes := with(func(i int) pair { return c.at(i, 0) })
	toward := with(func(i int) pair { return pairOf(at[i-1]).sub(c.means[i]) })
	inverse := make([][]float64, k)
	for j := range k {
		inverse[j] = with(func(i int) pair { return unitVector(i, j+1) })
	}
	estimate := c.means[0]
	for j, b := range slopes {
		estimate = estimate.add(pairOf(b).mul(pairOf(at[j]).sub(c.means[j+1])))
	}
	variance, z := 0.0, make([]float64, k)
	for i, y := range columns[0] {
		for j := range z {
			z[j] = columns[j+1][i] - c.means[j+1].hi - c.means[j+1].lo
		}
		weight, leverage, residual := 1/n+dot(toward, z), 1/n, y-c.means[0].hi-c.means[0].lo-dot(slopes, z)
		for j := range z {
			leverage += z[j] * dot(inverse[j], z)
		}
		if 1-leverage < 1e-9 {
			return Sample{}, fail(InsufficientData, "one unit alone determines a coefficient, so nothing tells its error; leave the covariate out or wait for more units")
		}
		variance += weight * weight * residual * residual / (1 - leverage)
	}
	return Sample{Mean: estimate.hi, Rest: estimate.lo, Variance: variance}, nil
}

func dot(a, b []float64) (sum float64) {
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// unitVector is the i-th entry of the vector that is 1 at one place.
func unitVector(i, at int) pair {
	if i == at {
		return pairOf(1)
	}
	return pair{}
}
