package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// ClassicalLook is a look of a classical group-sequential design: O'Brien and Fleming's (rise -1/2), Pocock's (rise 0) or another of
// Wang and Tsiatis' family, whose bounds C (k/K)^rise hold at K equally spaced looks and nowhere else.
type ClassicalLook struct {
	// Rise is the exponent, Look the number of the look from 1, Looks how many are planned.
	Rise        float64
	Look, Looks int
}

// RuleAt is the rule of the look at an error probability over all looks, both sides together, with the bound of ClassicalBoundary. Its p value is
// the repeated one: the probability that the design whose bound lies at the statistic is crossed at any of its looks.
func (l ClassicalLook) RuleAt(alpha float64) (Rule, error) {
	if l.Look < 1 || l.Look > l.Looks {
		return Rule{}, fail(InvalidInput, "a design of %d looks has no look %d", l.Looks, l.Look)
	}
	boundary, _, err := ClassicalBoundary(l.Rise, l.Looks, alpha)
	if err != nil {
		return Rule{}, err
	}
	information, shape := boundary.Information, make([]float64, l.Looks)
	for k, t := range information {
		shape[k] = math.Pow(t, l.Rise)
	}
	at := l.Look - 1
	return Rule{
		Method: "classical group-sequential look", Alpha: alpha, Critical: boundary.Bounds[at],
		lnP: func(z float64) float64 {
			constant := z / shape[at]
			least := math.Ln2 + special.LogNormalSurvival(z) // one look alone
			if constant > 30 {
				return math.Min(0, least+math.Log(float64(l.Looks))) // beyond what the recursion resolves: Bonferroni's bound
			}
			spent := spentBy(information, shape, constant, math.Max(alpha*1e-12, math.Exp(least)), false)[l.Looks-1]
			return math.Min(0, math.Max(least, math.Log(math.Max(spent, 0))))
		},
	}, nil
}
