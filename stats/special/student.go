package special

import "math"

// gonum's Student t loses digits with many degrees of freedom (7e-7 at 1e9) and its quantile gives garbage for small tails there;
// the functions below are right to 1e-12 for any degrees of freedom, whole or not.

// manyDegrees is where Hill's transform becomes better than the incomplete beta function.
const manyDegrees = 1000

// transforms reports whether Hill's transform is the better way: with many degrees of freedom, unless t is extreme for them.
func transforms(t, nu float64) bool { return nu >= manyDegrees && t*t <= 64*nu/manyDegrees }

// studentAsNormal is the standard normal deviate with the same tail as t with nu degrees of freedom, by Hill's normalising
// transform (G. W. Hill, Algorithm 395: Student's t-distribution, CACM 13, 1970). From 1,000 degrees on it is exact to 1e-14 for
// t up to 8.
func studentAsNormal(t, nu float64) float64 {
	if math.IsInf(nu, 1) {
		return t
	}
	a := nu - 0.5
	b := 48 * a * a
	y := a * math.Log1p(t*t/nu)
	corrected := (((((-0.4*y-3.3)*y-24)*y-85.5)/(0.8*y*y+100+b)+y+3)/b + 1) * math.Sqrt(y)
	return math.Copysign(corrected, t)
}

// StudentSurvival is P(T > t) with nu > 0 degrees of freedom.
func StudentSurvival(t, nu float64) float64 {
	switch {
	case math.IsNaN(t) || !(nu > 0):
		return math.NaN()
	case transforms(t, nu):
		return NormalSurvival(studentAsNormal(t, nu))
	case t < 0:
		return 1 - StudentSurvival(-t, nu)
	case t*t*(nu+2) < 3*nu: // where the other tail's fraction converges, and a digit is all that the difference costs
		return 0.5 - studentCentre(t, nu)
	}
	x, y := studentParts(t, nu)
	return 0.5 * betaTail(y, x, nu/2, 0.5)
}

// studentParts are t²/(nu+t²) and nu/(nu+t²).
func studentParts(t, nu float64) (x, y float64) {
	ratio := t / math.Sqrt(nu)
	ratio *= ratio
	return 1 / (1 + 1/ratio), 1 / (1 + ratio)
}

// studentCentre is P(0 < T < t) for t >= 0, with full relative precision near 0.
func studentCentre(t, nu float64) float64 {
	if transforms(t, nu) {
		return 0.5 * math.Erf(studentAsNormal(t, nu)/math.Sqrt2)
	}
	x, y := studentParts(t, nu)
	return 0.5 * betaTail(x, y, 0.5, nu/2)
}

// LogStudentSurvival is ln P(T > t), also where the probability underflows.
func LogStudentSurvival(t, nu float64) float64 {
	switch {
	case transforms(t, nu):
		return LogNormalSurvival(studentAsNormal(t, nu))
	case t*t*(nu+2) < 3*nu || t < 0 || math.IsNaN(t):
		return math.Log(StudentSurvival(t, nu))
	}
	x, y := studentParts(t, nu)
	return logBetaTail(y, x, nu/2, 0.5) - math.Ln2
}

// StudentQuantile is the t with P(T <= t) = p, for p in (0, 1) and nu > 0; NaN elsewhere. Newton's method: near the middle on the
// probability between 0 and t, in the tail in the logarithms of both, in which a tail is nearly straight.
func StudentQuantile(p, nu float64) float64 {
	if !(p > 0 && p < 1) || !(nu > 0) {
		return math.NaN()
	}
	if math.IsInf(nu, 1) {
		return NormalQuantile(p)
	}
	tail, sign := p, -1.0
	if p > 0.5 {
		tail, sign = 1-p, 1
	}
	switch {
	case p == 0.5:
		return 0
	case tail > 0.25:
		return sign * studentNearCentre(math.Abs(0.5-p), nu)
	default:
		return sign * studentInTail(tail, nu)
	}
}

func studentNearCentre(mass, nu float64) float64 {
	t := mass / math.Exp(logStudentDensity(0, nu))
	for range 50 {
		step := (studentCentre(t, nu) - mass) / math.Exp(logStudentDensity(t, nu))
		t = math.Max(t-step, t/8)
		if math.Abs(step) <= 2e-16*t {
			break
		}
	}
	return t
}

func studentInTail(tail, nu float64) float64 {
	goal := math.Log(tail)
	z := -NormalQuantile(tail)
	t := z + (z*z*z+z)/(4*nu) + (5*math.Pow(z, 5)+16*z*z*z+3*z)/(96*nu*nu)
	if nu < 30 { // the power law of the tail: P(T > t) ~ density(t)·t/nu
		lt := (logStudentDensity(0, nu) + (nu-1)/2*math.Log(nu) - goal) / nu
		if far := math.Exp(lt); far > t || nu < 3 {
			t = math.Min(far, 1e300)
		}
	}
	for range 100 {
		at := LogStudentSurvival(t, nu)
		slope := -t * math.Exp(logStudentDensity(t, nu)-at)
		step := math.Max(-2, math.Min(2, (at-goal)/slope))
		t *= math.Exp(-step)
		if math.Abs(step) < 3e-16 {
			break
		}
	}
	return t
}

// logStudentDensity is the logarithm of the density, by Stirling's formula with its error term.
func logStudentDensity(t, nu float64) float64 {
	if nu < 2 {
		a, _ := math.Lgamma((nu + 1) / 2)
		b, _ := math.Lgamma(nu / 2)
		return a - b - 0.5*math.Log(nu*math.Pi) - (nu+1)/2*math.Log1p(t*t/nu)
	}
	// lnΓ(h+½) - lnΓ(h) with h = nu/2
	h := nu / 2
	step := stirling(h-0.5) - stirling(h-1) + h*math.Log((h-0.5)/(h-1)) - 0.5 + 0.5*math.Log(h-1)
	if h <= 1.5 {
		a, _ := math.Lgamma(h + 0.5)
		b, _ := math.Lgamma(h)
		step = a - b
	}
	return step - 0.5*math.Log(nu*math.Pi) - (nu+1)/2*math.Log1p(t*t/nu)
}
