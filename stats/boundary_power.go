package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Crossing is what happens at each look of a design when the effect has a given size.
type Crossing struct {
	// Upper and Lower are the probabilities to stop at each look, above and below.
	Upper, Lower []float64
	// Power is the probability to have stopped above by the last look, Total to have stopped on either side.
	Power, Total float64
	// Sample is the mean share of the planned information that is used until the stop.
	Sample float64
}

// Crossing follows the design under drift, which is the expected Z at information 1: effect / standard error at the planned end.
func (b Boundary) Crossing(drift float64) (Crossing, error) {
	if err := checkInformation(b.Information); err != nil {
		return Crossing{}, err
	}
	if len(b.Bounds) != len(b.Information) || math.IsNaN(drift) || math.Abs(drift) > 1e3 {
		return Crossing{}, fail(InvalidInput, "a design has one bound per look, and the expected Z lies between -1000 and 1000")
	}
	looks := len(b.Information)
	out := Crossing{Upper: make([]float64, looks), Lower: make([]float64, looks)}
	w, inside := startWalk(false, drift, fine), 1.0
	for k, t := range b.Information {
		bound, low := b.Bounds[k]*math.Sqrt(t), math.Inf(-1)
		out.Upper[k], _ = w.above(bound, t)
		if !b.OneSided {
			low = -bound
			out.Lower[k] = w.below(low, t)
		}
		out.Power += out.Upper[k]
		out.Total += out.Upper[k] + out.Lower[k]
		out.Sample += t * (out.Upper[k] + out.Lower[k])
		inside -= out.Upper[k] + out.Lower[k]
		if k+1 < looks {
			w = w.advance(t, b.Information[k+1], low, bound, 9)
		}
	}
	out.Sample += b.Information[looks-1] * math.Max(0, inside)
	return out, nil
}

// Inflation is by how much the sample of a test at a fixed horizon has to grow so that the design keeps the power: (drift needed /
// (z_{1-alpha/sides} + z_power))².
func (b Boundary) Inflation(alpha, power float64) (float64, error) {
	if err := checkLevel(alpha); err != nil {
		return 0, err
	}
	if !(power > alpha && power < 1) {
		return 0, fail(InvalidInput, "the power must lie between alpha and 1, not be %v", power)
	}
	if !b.OneSided {
		alpha /= 2
	}
	fixed := -special.NormalQuantile(alpha) - special.NormalQuantile(1-power)
	var failed error
	excess := func(drift float64) float64 {
		c, err := b.Crossing(drift)
		if err != nil {
			failed = err
		}
		return c.Power - power
	}
	drift, ok := root(excess, fixed*0.9, fixed*3, 1e-12)
	if failed != nil {
		return 0, failed
	}
	if !ok {
		return 0, fail(NotAttainable, "no sample gives this design the power %v", power)
	}
	return drift * drift / (fixed * fixed), nil
}

// ClassicalBoundary are the bounds of O'Brien and Fleming (Biometrics 35, 1979; rise -1/2) or of Pocock (Biometrika 64, 1977; rise 0)
// for equally spaced looks, and between and beyond them the family of Wang and Tsiatis (Biometrics 43, 1987): C (k/K)^rise, both
// sides, with the constant C for which all looks together have error probability alpha.
func ClassicalBoundary(rise float64, looks int, alpha float64) (Boundary, float64, error) {
	return classicalBoundary(rise, looks, alpha, false)
}

// ClassicalBoundaryOneSided is ClassicalBoundary with all of alpha on the upper side: Z alone has to reach C · (k/K)^rise.
func ClassicalBoundaryOneSided(rise float64, looks int, alpha float64) (Boundary, float64, error) {
	return classicalBoundary(rise, looks, alpha, true)
}

func classicalBoundary(rise float64, looks int, alpha float64, oneSided bool) (Boundary, float64, error) {
	if err := checkLevel(alpha); err != nil {
		return Boundary{}, 0, err
	}
	if looks < 1 || looks > 1000 || !(rise >= -1 && rise <= 0.5) {
		return Boundary{}, 0, fail(InvalidInput, "a classical design has 1 to 1000 looks and a rise from -1 to 0.5, not %d and %v", looks, rise)
	}
	if oneSided && alpha >= 0.5 {
		return Boundary{}, 0, fail(InvalidInput, "a one-sided design has an error probability below one half, not %v", alpha)
	}
	sides := 2.0
	if oneSided {
		sides = 1
	}
	shape, information := make([]float64, looks), make([]float64, looks)
	for k := range looks {
		information[k] = float64(k+1) / float64(looks)
		shape[k] = math.Pow(information[k], rise)
	}
	// One look's bound is too low and that of a Bonferroni correction too high.
	low, high := -special.NormalQuantile(alpha/sides), -special.NormalQuantile(alpha/sides/float64(looks))
	constant := low
	if looks > 1 {
		constant, _ = root(func(c float64) float64 {
			spent := spentBy(information, shape, c, alpha, oneSided)
			return math.Log(spent[looks-1] / alpha)
		}, low*math.Pow(1, rise)*0.999, high*1.001+1e-3, 1e-14)
	}
	out := Boundary{Information: information, Bounds: make([]float64, looks), NominalP: make([]float64, looks), OneSided: oneSided}
	for k := range looks {
		out.Bounds[k] = constant * shape[k]
		out.NominalP[k] = sides * special.NormalSurvival(out.Bounds[k])
	}
	out.Spent = spentBy(information, shape, constant, alpha, oneSided)
	return out, constant, nil
}

// spentBy is the cumulative error probability of the bounds c · shape, of both sides unless oneSided.
func spentBy(information, shape []float64, c, alpha float64, oneSided bool) []float64 {
	reach, sides, lowest := normalOfLogTail(math.Log(alpha)-34), 2.0, 0.0
	if oneSided {
		sides, lowest = 1, math.Inf(-1)
	}
	out, total, w := make([]float64, len(shape)), 0.0, startWalk(!oneSided, 0, fine)
	for k, t := range information {
		bound := c * shape[k] * math.Sqrt(t)
		p, _ := w.above(bound, t)
		total += sides * p
		out[k] = total
		if k+1 < len(shape) {
			w = w.advance(t, information[k+1], lowest, bound, reach)
		}
	}
	return out
}
