package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Fisher is the exact test of two rates given the total of conversions (R. A. Fisher, The Design of Experiments, 1935): the treatment's
// conversions are hypergeometric when both rates are equal, and two-sided counts all that is as improbable as what was seen or more. It is right
// for any counts, and the one to use when an expected count is below 5. Its time grows with the spread of the distribution, not with the number
// of units: 1 µs at a few conversions, 3 µs at a thousand, 15 µs at a million, half a millisecond at 1e8.
func Fisher(control, treatment Proportion) (ExactP, error) {
	if err := checkBoth(control, treatment); err != nil {
		return ExactP{}, err
	}
	all := control.Merge(treatment)
	drawn, converted, total := float64(treatment.N), float64(all.X), float64(all.N)
	rest, share := total-converted, float64(treatment.N)/float64(all.N)
	normal := special.LogBinomialProbability(drawn, total, share)
	d := discrete{
		least: math.Max(0, drawn-rest), most: math.Min(drawn, converted),
		mode: math.Floor((drawn + 1) * ((converted + 1) / (total + 2))),
		log: func(k float64) float64 {
			return special.LogBinomialProbability(k, converted, share) + special.LogBinomialProbability(drawn-k, rest, share) - normal
		},
		ratio: func(k float64) float64 { return (converted - k) / (k + 1) * ((drawn - k) / (rest - drawn + k + 1)) },
	}
	d.mode = math.Max(d.least, math.Min(d.most, d.mode))
	return d.test(float64(treatment.X)), nil
}

// Small reports whether counts are too small for large-sample tests: an expected count below 5, or an arm in which nobody or
// everybody converted. Fisher's mid-p and the score interval are right there.
func Small(control, treatment Proportion) bool {
	all := control.Merge(treatment)
	least := math.Min(float64(control.N), float64(treatment.N)) * math.Min(float64(all.X), float64(all.N-all.X)) / float64(all.N)
	edge := func(p Proportion) bool { return p.X == 0 || p.X == p.N }
	return !(least >= 5) || edge(control) || edge(treatment)
}
