package stats

import "math"

// Standing is what an interval says about an effect. Its text is a stable name.
type Standing string

// The standings.
const (
	Superior     Standing = "superior"     // better, and the interval leaves out no effect
	NonInferior  Standing = "non_inferior" // not worse by the margin; whether it is better is open
	Inferior     Standing = "inferior"     // worse by more than the margin
	Inconclusive Standing = "inconclusive" // the interval reaches across the margin: keep running
)

// AgainstMargin reads the interval of a difference (treatment - control) against a margin of harm, on the same scale and not negative: superior if
// low > 0, inferior if high < -margin, not inferior if low > -margin (S. Wellek, Testing Statistical Hypotheses of Equivalence and Noninferiority,
// 2010, chapter 2). With margin 0 there are superior, inferior and inconclusive. An interval of a two-sided rule at alpha makes either statement
// wrong with probability alpha/2 at most; the absence of an alarm is no evidence of safety, so what is not shown is inconclusive.
func AgainstMargin(low, high, margin float64, lowerIsBetter bool) (Standing, error) {
	if !(low <= high) || !(margin >= 0) || math.IsInf(margin, 1) {
		return "", fail(InvalidInput, "an interval from %v to %v cannot be read against a margin of %v", low, high, margin)
	}
	if lowerIsBetter {
		low, high = -high, -low
	}
	switch {
	case low > 0:
		return Superior, nil
	case high < -margin:
		return Inferior, nil
	case margin > 0 && low > -margin:
		return NonInferior, nil
	}
	return Inconclusive, nil
}

// Reached is whether a metric is where it should be. Its text is a stable name.
type Reached string

// Whether a target is reached.
const (
	TargetReached Reached = "reached"
	TargetMissed  Reached = "missed"
	TargetOpen    Reached = "open" // the interval holds the target
)

// AgainstTarget reads the interval of an arm's own mean, rate or ratio against a target: reached if low >= target, missed if high < target. Either is
// wrong with half the interval's error probability at most.
func AgainstTarget(low, high, target float64, lowerIsBetter bool) (Reached, error) {
	if !(low <= high) || math.IsNaN(target) {
		return "", fail(InvalidInput, "an interval from %v to %v cannot be read against a target of %v", low, high, target)
	}
	if lowerIsBetter {
		low, high, target = -high, -low, -target
	}
	switch {
	case low >= target:
		return TargetReached, nil
	case high < target:
		return TargetMissed, nil
	}
	return TargetOpen, nil
}
