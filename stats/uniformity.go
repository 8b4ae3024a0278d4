package stats

import (
	"math"
	"slices"
)

// Uniformity is the Kolmogorov-Smirnov test of whether p values of A/A comparisons are uniform on (0, 1), as they are when the whole path from
// assignment to analysis is right (R. Kohavi, D. Tang and Y. Xu, Trustworthy online controlled experiments, 2020, chapter 19).
type Uniformity struct {
	// D is the largest distance of the distributions, P its exact two-sided p value.
	D, P float64
}

// mostExact is the largest sample whose p value is exact in every case.
const mostExact = 5_000

// Uniform tests p values for uniformity by D = sup |F_n(p) - p|. P is exact for up to 5,000 values (G. Marsaglia, W. W. Tsang and J. Wang,
// Evaluating Kolmogorov's distribution, J. Stat. Software 8(18), 2003) and where P is below 1e-5 or so for more; beyond, it is Pelz and Good's
// asymptotic series to the third order (JRSS B 38, 1976), right to 1e-8. It assumes independent p values of continuous statistics.
func Uniform(p []float64) (Uniformity, error) {
	if len(p) == 0 {
		return Uniformity{}, fail(InsufficientData, "there are no p values")
	}
	sorted := slices.Clone(p)
	slices.Sort(sorted)
	n, d := float64(len(sorted)), 0.0
	for i, v := range sorted {
		if !(v >= 0 && v <= 1) {
			return Uniformity{}, fail(InvalidInput, "%v is no p value; it must lie between 0 and 1", v)
		}
		d = math.Max(d, math.Max(float64(i+1)/n-v, v-float64(i)/n))
	}
	return Uniformity{D: d, P: kolmogorovSurvival(len(sorted), d)}, nil
}

// kolmogorovSurvival is P(D_n >= d).
func kolmogorovSurvival(count int, d float64) float64 {
	n := float64(count)
	switch nd := n * d; {
	case d >= 1:
		return 0
	case nd <= 0.5:
		return 1
	case nd*d > 18: // 2e^(-2nd²) is below 1e-15
		return math.Min(1, 2*smirnovTail(count, d))
	case nd > 0.5*n || nd*d > 4: // the two one-sided events are (next to) disjoint: exact from d = 1/2 on, 1e-13 of P beyond
		return math.Min(1, 2*smirnovTail(count, d))
	case count <= mostExact:
		return math.Max(0, 1-kolmogorovMatrix(count, d))
	default:
		return math.Max(0, 1-pelzGood(n, d))
	}
}

// smirnovTail is P(D+ >= d), exactly: d Σ C(n, j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j) over j <= n(1-d) (Z. W. Birnbaum and F. H. Tingey, Ann.
// Math. Stat. 22, 1951).
func smirnovTail(count int, d float64) float64 {
	n, sum := float64(count), 0.0
	all, _ := math.Lgamma(n + 1)
	for j := 0; j <= int(n*(1-d)); j++ {
		k := float64(j)
		rest := 1 - d - k/n
		if rest <= 0 && j < count {
			continue
		}
		a, _ := math.Lgamma(k + 1)
		b, _ := math.Lgamma(n - k + 1)
		ln := all - a - b + (k-1)*math.Log(d+k/n)
		if j < count {
			ln += (n - k) * math.Log(rest)
		}
		sum += math.Exp(ln)
	}
	return d * sum
}

// kolmogorovMatrix is P(D_n < d) by the n-th power of Marsaglia, Tsang and Wang's matrix.
func kolmogorovMatrix(count int, d float64) float64 {
	n := float64(count)
	k := int(n*d) + 1
	m := 2*k - 1
	power, exponent := matrixPower(marsagliaMatrix(m, float64(k)-n*d), m, count)
	s := power[(k-1)*m+k-1]
	for i := 1; i <= count; i++ {
		s *= float64(i) / n
		if s < 1e-140 {
			s *= 1e140
			exponent -= 140
		}
	}
	return s * math.Pow(10, float64(exponent))
}

// marsagliaMatrix is their matrix H of m rows.
func marsagliaMatrix(m int, h float64) []float64 {
	matrix := make([]float64, m*m)
	for i := range m {
		for j := range m {
			if i-j+1 >= 0 {
				matrix[i*m+j] = 1
			}
		}
	}
	for i := range m {
		matrix[i*m] -= math.Pow(h, float64(i+1))
		matrix[(m-1)*m+i] -= math.Pow(h, float64(m-i))
	}
	if 2*h-1 > 0 {
		matrix[(m-1)*m] += math.Pow(2*h-1, float64(m))
	}
	for i := range m {
		for j := range m {
			for g := 1; g <= i-j+1; g++ {
				matrix[i*m+j] /= float64(g)
			}
		}
	}
	return matrix
}

// matrixPower is the n-th power of an m × m matrix as a matrix times 10^exponent.
func matrixPower(a []float64, m, n int) (power []float64, exponent int) {
	if n == 1 {
		return a, 0
	}
	half, e := matrixPower(a, m, n/2)
	power, exponent = product(half, half, m), 2*e
	if n%2 == 1 {
		power = product(power, a, m)
	}
	if power[(m/2)*m+m/2] > 1e140 {
		for i := range power {
			power[i] *= 1e-140
		}
		exponent += 140
	}
	return power, exponent
}

func product(a, b []float64, m int) []float64 {
	out := make([]float64, m*m)
	for i := range m {
		for k := range m {
			if x := a[i*m+k]; x != 0 {
				for j := range m {
					out[i*m+j] += x * b[k*m+j]
				}
			}
		}
	}
	return out
}

// pelzGood is P(D_n < d) by the series K0 + K1/√n + K2/n + K3/n^(3/2) (W. Pelz and I. J. Good, JRSS B 38, 1976; in the form of R. Simard and P.
// L'Ecuyer, J. Stat. Software 39(11), 2011).
func pelzGood(n, d float64) float64 {
	z := math.Sqrt(n) * d
	z2 := z * z
	z4, z6 := z2*z2, z2*z2*z2
	pi2 := math.Pi * math.Pi
	pi4, pi6 := pi2*pi2, pi2*pi2*pi2
	root := math.Sqrt(2 * math.Pi)
	var k0, k1, k2, k3, even2, even3 float64
	for k := 0.0; k < 40; k++ {
		odd := (k + 0.5) * (k + 0.5)
		w := math.Exp(-odd * pi2 / (2 * z2))
		k0 += w
		k1 += w * (pi2*odd - z2)
		k2 += w * (6*z6 + 2*z4 + pi2*(2*z4-5*z2)*odd + pi4*(1-2*z2)*odd*odd)
		k3 += w * (-30*z6 - 90*z6*z2 + pi2*(135*z4-96*z6)*odd + pi4*(212*z4-60*z2)*odd*odd + pi6*odd*odd*odd*(5-30*z2))
		if k > 0 {
			v := math.Exp(-k * k * pi2 / (2 * z2))
			even2 += v * k * k * pi2
			even3 += v * (3*pi2*k*k*z2 - pi4*k*k*k*k)
		}
	}
	k0 *= root / z
	k1 *= root / (6 * z4)
	k2 = k2*root/(72*z6*z) - even2*root/(36*z2*z)
	k3 = k3*root/(6480*z6*z4) + even3*root/(216*z6)
	s := math.Sqrt(n)
	return k0 + k1/s + k2/n + k3/(n*s)
}
