package stats

import "math"

// Ratio is a ratio metric in an arm: Σx / Σy over the units that were randomised, with the variance of that ratio. Clicks per session
// with units who have many sessions is one, and so is a mean over clusters. Make it with CoSums.Ratio.
type Ratio struct {
	N int64
	// Value is the ratio, and Rest what rounding took from it.
	Value, Rest float64
	// Variance of the ratio, not of a unit.
	Variance float64
}

// Ratio is Σx / Σy of values x and y (their numbers) with the variance of the delta method (A. Deng, U. Knoblich and J. Lu, KDD
// 2018, equation 3):
//
//	Var(R) = (s_x² + R² s_y² - 2 R s_xy) / (n ȳ²) = Σ(x - R y)² / ((n-1) n ȳ²)
//
// taken as the exact sum of squared residuals, which is 0 exactly when the ratio is the same in every unit. It takes two units and a
// denominator that is not 0, and assumes many units: with fewer than about 30 the variance is too small.
func (s *CoSums) Ratio(x, y int) (Ratio, error) {
	if x < 0 || y < 0 || x >= len(s.sums) || y >= len(s.sums) {
		return Ratio{}, fail(InvalidInput, "there are no values %d and %d", x, y)
	}
	if s.n < 2 {
		return Ratio{}, fail(InsufficientData, "an arm has fewer than two units")
	}
	top, bottom := s.sums[x].float(), s.sums[y].float()
	if bottom.Sign() == 0 {
		return Ratio{}, fail(UndefinedRatio, "the denominator of the ratio is 0")
	}
	out := Ratio{N: s.n}
	out.Value, out.Rest = rounded(top, bottom)
	// Σ(x - R y)² with R = X/Y, times Y²: Y² Σxx - 2 X Y Σxy + X² Σyy
	cross := bigMul(bigMul(top, bottom), s.product(x, y).float())
	squares := bigMul(bigMul(bottom, bottom), s.product(x, x).float())
	squares = bigSub(bigSub(squares, cross), bigSub(cross, bigMul(bigMul(top, top), s.product(y, y).float())))
	square := bigMul(bottom, bottom)
	out.Variance, _ = rounded(bigMul(bigInt(s.n), squares), bigMul(bigInt(s.n-1), bigMul(square, square)))
	if !finite(out.Value, out.Variance) {
		return Ratio{}, fail(InvalidInput, "the ratio is too large for floating-point numbers")
	}
	return out, nil
}

// Sample is the ratio for a comparison under any rule.
func (r Ratio) Sample() Sample { return Sample{Mean: r.Value, Rest: r.Rest, Variance: r.Variance} }

// CompareRatios compares two ratios by the z test with the delta method's variances (CoSums.Ratio): z = (R_b - R_a)/√(V_a + V_b). It assumes
// many units, whatever number of denominators each has.
func CompareRatios(control, treatment Ratio, t Test) (Effect, error) {
	for _, r := range [...]Ratio{control, treatment} {
		if r.N < 2 {
			return Effect{}, fail(InsufficientData, "an arm has fewer than two units")
		}
	}
	return NewEffect("z test of ratios (delta method)", control.Sample(), treatment.Sample(), math.Inf(1), t)
}
