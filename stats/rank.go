package stats

import (
	"math"
	"slices"
)

// RankTest is the Mann-Whitney test: does a value of the treatment tend to be above one of the control?
type RankTest struct {
	// U counts the pairs in which the treatment's value is above the control's; a tie is half a pair. Superiority is its share of all
	// pairs.
	U, Superiority float64
	// Z is U standardised with the tie-corrected variance. P belongs to it; PContinuity has the continuity correction.
	Z, P, LnP, PContinuity float64
	// PExact is that of the exact distribution; NaN with ties or with more than 20 units in an arm.
	PExact float64
}

// exactRanks is the largest arm for which the exact distribution is counted.
const exactRanks = 20

// MannWhitney is the rank test of H. B. Mann and D. R. Whitney (Annals of Mathematical Statistics 18, 1947), two-sided, with ties as
// in E. L. Lehmann, Nonparametrics, 1975. It compares whole distributions: its hypothesis is P(b > a) + P(b = a)/2 = ½, not equal means.
func MannWhitney(control, treatment []float64) (RankTest, error) {
	if err := checkRanked(control, treatment); err != nil {
		return RankTest{}, err
	}
	out, _, err := rankTest(sorted(control), sorted(treatment))
	return out, err
}

// rankTest is the test of two sorted arms; factor is by how much ties make the variance of U smaller.
func rankTest(a, b []float64) (out RankTest, factor float64, err error) {
	u, ties := pairs(a, b)
	na, nb := float64(len(a)), float64(len(b))
	n := na + nb
	untied := n + 1 - ties/n/math.Max(1, n-1)
	variance := na * nb / 12 * untied
	if !(variance > 1e-12*na*nb) {
		return RankTest{}, 0, fail(ZeroVariance, "all values are equal, so no arm ranks above the other")
	}
	out = RankTest{U: u, Superiority: u / na / nb, PExact: math.NaN()}
	gap := u - na*nb/2
	out.Z = gap / math.Sqrt(variance)
	out.P, out.LnP = TwoSidedZ(out.Z)
	out.PContinuity, _ = TwoSidedZ(math.Max(0, math.Abs(gap)-0.5) / math.Sqrt(variance))
	if ties == 0 && len(a) <= exactRanks && len(b) <= exactRanks {
		out.PExact = exactRankP(len(a), len(b), int(u))
	}
	return out, untied / (n + 1), nil
}

func checkRanked(control, treatment []float64) error {
	if !finite(control...) || !finite(treatment...) {
		return fail(InvalidInput, "an arm has a value that is no finite number")
	}
	if len(control) == 0 || len(treatment) == 0 {
		return fail(InsufficientData, "an arm has no values")
	}
	return nil
}

func sorted(values []float64) []float64 {
	out := slices.Clone(values)
	slices.Sort(out)
	return out
}

// pairs counts U, and Σ(t³ - t) over groups of t tied values, in one walk over two sorted arms.
func pairs(a, b []float64) (u, ties float64) {
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		v := math.Inf(1)
		if i < len(a) {
			v = a[i]
		}
		if j < len(b) {
			v = math.Min(v, b[j])
		}
		fromA, fromB := i, j
		for i < len(a) && a[i] == v {
			i++
		}
		for j < len(b) && b[j] == v {
			j++
		}
		inA, inB := float64(i-fromA), float64(j-fromB)
		u += inB * (float64(fromA) + inA/2)
		t := inA + inB
		ties += t * (t - 1) * (t + 1)
	}
	return u, ties
}

// exactRankP is twice the smaller tail, by counting the arrangements with each U: ways(a, b, u) = ways(a-1, b, u-b) + ways(a, b-1, u).
// There are at most 1.4e11, so floats count them exactly.
func exactRankP(na, nb, u int) float64 {
	ways := make([]float64, na*nb+1)
	ways[0] = 1
	// the generating function Π (1 - q^(nb+i)) / (1 - q^i)
	for i := 1; i <= na; i++ {
		for k := na * nb; k >= nb+i; k-- {
			ways[k] -= ways[k-nb-i]
		}
		for k := i; k <= na*nb; k++ {
			ways[k] += ways[k-i]
		}
	}
	total, below, above := 0.0, 0.0, 0.0
	for k, w := range ways {
		total += w
		if k <= u {
			below += w
		}
		if k >= u {
			above += w
		}
	}
	return math.Min(1, 2*math.Min(below, above)/total)
}
