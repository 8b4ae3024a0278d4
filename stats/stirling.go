package stats

import "math"

// stirlingError is ln Γ(x) - ((x - 1/2) ln x - x + ln(2π)/2) for x > 0 (C. Loader, Fast and accurate computation of binomial
// probabilities, 2000). What is left when it is used in place of differences of ln Γ loses no digits at 1e9.
func stirlingError(x float64) float64 {
	if x < 15 {
		l, _ := math.Lgamma(x)
		return l - ((x-0.5)*math.Log(x) - x + 0.5*math.Log(2*math.Pi))
	}
	y := 1 / (x * x)
	return (1.0/12 - y*(1.0/360-y*(1.0/1260-y*(1.0/1680-y*(1.0/1188-y*691.0/360360))))) / x
}

// deviance is x ln(x/expected) - difference for x = expected + difference, which is never negative and small when the difference is:
// by a series then, so that nothing cancels (Loader's bd0).
func deviance(x, expected, difference float64) float64 {
	if x == 0 {
		return expected
	}
	if math.Abs(difference) > 0.1*(x+expected) {
		return x*math.Log(x/expected) - difference
	}
	v := difference / (x + expected)
	sum := difference * v
	term, square := 2*x*v, v*v
	for j := 1.0; j < 100; j++ {
		term *= square
		next := sum + term/(2*j+1)
		if next == sum {
			break
		}
		sum = next
	}
	return sum
}
