package stats

import "math"

// discrete is a distribution on whole numbers with one peak: a hypergeometric or a binomial one. Its probabilities come from a
// logarithm at one point and ratios of neighbours.
type discrete struct {
	least, most float64
	mode        float64
	log         func(k float64) float64 // ln P(X = k)
	ratio       func(k float64) float64 // P(X = k+1) / P(X = k)
}

// ExactP are the p values of an exact test, and their logarithms, which are right also where they underflow.
type ExactP struct {
	// TwoSided sums the probabilities that are at most that of what was seen (within 1e-7, as R and scipy do). MidP counts half of
	// that of what was seen only, which is closer to the level asked for (A. Agresti, Categorical Data Analysis, 2002, section 1.4.4).
	TwoSided, MidP float64
	// Less and Greater are the probabilities of as many or fewer, and of as many or more, in the treatment.
	Less, Greater float64
	LnTwoSided    float64
	LnMidP        float64
}

// test makes the p values of an observed k.
func (d discrete) test(k float64) ExactP {
	logSeen := d.log(k)
	up := k >= d.mode // which tail k lies in
	own := d.sum(k, up)
	two, seen := own, math.Exp(logSeen)
	switch across, there := d.across(k, up, logSeen); {
	case there && math.Abs(across-k) == 1: // everything else is as improbable
		two = 1 / seen
	case there:
		two += math.Exp(d.log(across)-logSeen) * d.sum(across, !up)
	}
	out := ExactP{
		TwoSided: math.Min(1, seen*two), LnTwoSided: math.Min(0, logSeen+math.Log(two)),
		MidP: math.Min(1, seen*(two-0.5)), LnMidP: math.Min(0, logSeen+math.Log(two-0.5)),
	}
	tail := math.Min(1, seen*own)
	rest := math.Min(1, 1-tail+seen)
	if up {
		out.Greater, out.Less = tail, rest
	} else {
		out.Less, out.Greater = tail, rest
	}
	return out
}

// sum is Σ P(X = j) / P(X = k) over j from k outwards.
func (d discrete) sum(k float64, up bool) float64 {
	sum, term := 1.0, 1.0
	if up {
		for j := k; j < d.most && term > 1e-20*sum; j++ {
			term *= d.ratio(j)
			sum += term
		}
		return sum
	}
	for j := k; j > d.least && term > 1e-20*sum; j-- {
		term /= d.ratio(j - 1)
		sum += term
	}
	return sum
}

// across is the first value on the other side of the peak that is as improbable as k.
func (d discrete) across(k float64, up bool, logSeen float64) (float64, bool) {
	limit := logSeen + 1e-7
	low, high := d.mode, d.most // the answer is above low, or high
	if up {
		low, high = d.least, d.mode
	}
	within := func(j float64) bool { return d.log(j) <= limit }
	if up {
		if high = math.Min(high, k-1); low > high || !within(low) {
			return 0, false
		}
		for low < high {
			middle := math.Ceil((low + high) / 2)
			if within(middle) {
				low = middle
			} else {
				high = middle - 1
			}
		}
		return low, true
	}
	if low = math.Max(low, k+1); low > high || !within(high) {
		return 0, false
	}
	for low < high {
		middle := math.Floor((low + high) / 2)
		if within(middle) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return high, true
}
