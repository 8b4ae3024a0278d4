package analysis

import (
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/stats"
)

// corrections of the plan as stats names them.
func (r rules) correction() stats.Correction {
	switch r.Correction {
	case experiment.Bonferroni:
		return stats.Bonferroni
	case experiment.BH, experiment.EBH:
		return stats.BenjaminiHochberg // of the reciprocals of e-values it is e-BH
	case experiment.Holm:
		return stats.Holm
	case experiment.NoCorrection:
	}
	return stats.NoCorrection
}

func (r rules) correctionName() string {
	switch r.Correction {
	case experiment.Bonferroni:
		return "Bonferroni's correction"
	case experiment.BH:
		return "Benjamini and Hochberg's correction"
	case experiment.EBH:
		return "The Benjamini-Hochberg procedure for e-values (e-BH)"
	case experiment.Holm:
		return "Holm's correction"
	case experiment.NoCorrection:
	}
	return "no correction"
}

// adjust corrects the p values of a family. For e-BH it takes the e-values, of which always-valid p values are the reciprocals: a p of 1 is
// an e-value of 1 or less, and either rejects nothing.
func (r rules) adjust(ps, lnPs []float64) ([]float64, error) {
	if r.Correction != experiment.EBH {
		return stats.Adjust(r.correction(), ps)
	}
	lnE := make([]float64, len(lnPs))
	for i, ln := range lnPs {
		lnE[i] = -ln
	}
	return stats.EBH(lnE)
}

// inFamily reports whether a metric's comparisons belong to the family that is corrected.
func (r rules) inFamily(role Role) bool {
	switch role {
	case Secondary:
		return r.Scope == experiment.ScopeGoals || r.Scope == experiment.ScopeAll
	case Guardrail:
		return r.Scope == experiment.ScopeAll
	case Primary:
	}
	return true
}
