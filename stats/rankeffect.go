package stats

import "math"

// RankComparison is an arm against the control by ranks: the test of MannWhitney, with intervals for any critical value. It keeps the sorted
// values of both arms.
type RankComparison struct {
	RankTest
	control, treatment []float64
	variance           float64 // of the superiority where no arm ranks above the other, corrected for ties
	ties               float64 // by how much ties make it smaller: a factor of at most 1
}

// CompareRanks prepares a comparison by ranks. The errors are those of MannWhitney.
func CompareRanks(control, treatment []float64) (*RankComparison, error) {
	if err := checkRanked(control, treatment); err != nil {
		return nil, err
	}
	out := &RankComparison{control: sorted(control), treatment: sorted(treatment)}
	var err error
	if out.RankTest, out.ties, err = rankTest(out.control, out.treatment); err != nil {
		return nil, err
	}
	na, nb := float64(len(control)), float64(len(treatment))
	out.variance = (na + nb + 1) / 12 / na / nb * out.ties
	return out, nil
}

// Under judges the comparison by a rule. Difference is Superiority - ½, so it is 0 where no arm ranks above the other, and SE its standard
// error there; the statistic is Z. Low and High are Interval less ½. There is no relative effect. P, interval and statistic say the
// same: each comes from the rule's one critical value.
//
// Under the hypothesis Z at successive looks is jointly normal with independent increments like that of a mean (C. Jennison and B. W.
// Turnbull, Group Sequential Methods, 2000, section 3.1; for ranks J. D. Spurrier and J. E. Hewett, Biometrika 63, 1976), so the rules of
// group sequential looks hold. Those of confidence sequences are made for means, and refused.
func (r *RankComparison) Under(rule Rule) (Effect, error) {
	switch {
	case rule.lnP == nil || !(rule.Critical > 0) || math.IsInf(rule.Critical, 1):
		return Effect{}, fail(InvalidInput, "a comparison by ranks is judged by a rule with a finite critical value")
	case rule.OneSided:
		return Effect{}, fail(InvalidInput, "a comparison by ranks is two-sided, and the rule is one-sided")
	case rule.lnE != nil:
		return Effect{}, fail(InvalidInput, "an always-valid rule is for estimates of a mean; a comparison by ranks is valid at a fixed horizon and at the looks of a group sequential design")
	}
	out := Effect{
		Method: "Mann-Whitney test", DF: math.Inf(1), Difference: r.Superiority - 0.5, SE: math.Sqrt(r.variance), Statistic: r.Z,
		Critical: rule.Critical, LnP: rule.LnP(r.Z),
	}
	out.P = math.Exp(out.LnP)
	low, high := r.Interval(rule.Critical)
	out.Low, out.High = low-0.5, high-0.5
	return out, nil
}

// Interval is that of the superiority: all θ with
//
//	|Superiority - θ| <= critical·√V(θ), V(θ) = ties · θ(1-θ)(1 + N(1-θ)/(2-θ) + Nθ/(1+θ)) / (n_a n_b), N = (n_a + n_b)/2 - 1
//
// V is that of exponential values, with both arms' sizes evened out (R. G. Newcombe, Statistics in Medicine 25, 2006, part 2, method 5). At
// θ = ½ it is the variance of the test, and multiplied with the test's tie correction throughout; so the interval excludes ½ exactly when the
// test rejects, and it stays between 0 and 1.
func (r *RankComparison) Interval(critical float64) (low, high float64) {
	beyond := func(theta float64) bool {
		gap := r.Superiority - theta
		return gap*gap > critical*critical*r.varianceAt(theta)
	}
	// Beyond an end the hypothesis is rejected, within it is not, and the superiority itself never is.
	edge := func(inside, outside float64) float64 {
		if !beyond(outside) {
			return outside
		}
		for range 200 {
			middle := 0.5 * (inside + outside)
			if middle == inside || middle == outside {
				break
			}
			if beyond(middle) {
				outside = middle
			} else {
				inside = middle
			}
		}
		return inside
	}
	low, high = edge(r.Superiority, 0), edge(r.Superiority, 1)
	// Rounding must not let the interval and the statistic disagree about ½.
	switch rejected := math.Abs(r.Z) > critical; {
	case rejected && r.Z > 0:
		low = math.Max(low, math.Nextafter(0.5, 1))
	case rejected:
		high = math.Min(high, math.Nextafter(0.5, 0))
	default:
		low, high = math.Min(low, 0.5), math.Max(high, 0.5)
	}
	return low, high
}

func (r *RankComparison) varianceAt(theta float64) float64 {
	na, nb := float64(len(r.control)), float64(len(r.treatment))
	n := (na+nb)/2 - 1
	return r.ties * theta * (1 - theta) * (1 + n*(1-theta)/(2-theta) + n*theta/(1+theta)) / na / nb
}

// Shift is by how much the treatment's values lie above the control's, in the metric's own unit.
type Shift struct{ Value, Low, High float64 }

// Shift is the estimate of J. L. Hodges and E. L. Lehmann (Annals of Mathematical Statistics 34, 1963): the median of all differences of a
// treatment's and a control's value. Its interval holds those differences whose rank among all is not beyond the critical value
// (E. L. Lehmann, Nonparametrics, 1975, section 2.5): from the k-th smallest to the k-th largest with
//
//	k = ⌊n_a n_b / 2 - critical·√(variance of U)⌋ + 1, at least the first
//
// It is that of a shift of the whole distribution: where values only grow in proportion, or many are tied at 0, the superiority says
// more. It takes O((n_a + n_b) · 64) steps.
func (r *RankComparison) Shift(critical float64) Shift {
	all := int64(len(r.control)) * int64(len(r.treatment))
	half := critical * math.Sqrt(r.variance) * float64(all)
	k := int64(math.Max(1, math.Floor(float64(all)/2-half)+1))
	lower, upper := r.nthDifference((all+1)/2), r.nthDifference(all/2+1)
	return Shift{Value: lower + (upper-lower)/2, Low: r.nthDifference(k), High: r.nthDifference(all + 1 - k)}
}

// nthDifference is the n-th smallest (from 1) of all differences, found by halving among all floats: b - a rounds the same way for larger
// values, so how many differences are at most v never falls as v grows.
func (r *RankComparison) nthDifference(n int64) float64 {
	low := orderOf(r.treatment[0] - r.control[len(r.control)-1])
	high := orderOf(r.treatment[len(r.treatment)-1] - r.control[0])
	for low < high {
		middle := low + int64(uint64(high-low)/2) //nolint:gosec // the distance of two floats in order, which fits
		if r.atMost(floatAt(middle)) >= n {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return floatAt(low)
}

// atMost counts the differences up to v in one walk: the larger the control's value, the more of the treatment's are within v of it.
func (r *RankComparison) atMost(v float64) (count int64) {
	j := 0
	for _, a := range r.control {
		for j < len(r.treatment) && r.treatment[j]-a <= v {
			j++
		}
		count += int64(j)
	}
	return count
}

// orderOf numbers the finite floats in their order, both zeros alike.
func orderOf(x float64) int64 {
	if x == 0 {
		return 0
	}
	n := int64(math.Float64bits(math.Abs(x))) //nolint:gosec // without its sign bit it is at most 2^63 - 1
	if x < 0 {
		return -n
	}
	return n
}

func floatAt(n int64) float64 {
	if n < 0 {
		return -math.Float64frombits(uint64(-n))
	}
	return math.Float64frombits(uint64(n))
}
