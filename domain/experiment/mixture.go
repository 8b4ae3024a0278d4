package experiment

import (
	"math"

	"github.com/assayhq/assay/domain"
)

// checkMixture refuses a mixture sequential test that does not know what it looks for, and a mixture where nothing is mixed.
func checkMixture(p Plan) error {
	a := p.Analysis
	switch {
	case a.Method != MixtureSPRT && a.Mixture != (Amount{}):
		return domain.Invalid("/analysis/mixture", "only an msprt analysis mixes over effects; choose the method msprt or leave the mixture out").WithCode("no_mixture")
	case a.Method == MixtureSPRT && a.Mixture == (Amount{}) && a.Target == (Amount{}):
		return domain.Invalid("/analysis/mixture", "an msprt needs the size of the effects it looks for, fixed before the data: give a mixture or a target, or choose confidence_sequence, which is tuned by planned_units").WithCode("mixture_missing")
	case a.Mixture == (Amount{}):
		return nil
	}
	return checkAmount("/analysis/mixture", "mixture", a.Mixture, math.SmallestNonzeroFloat64)
}
