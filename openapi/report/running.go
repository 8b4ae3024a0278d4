package report

import (
	"fmt"

	"github.com/assayhq/assay/internal/analysis"
)

// runningText tells the strongest evidence so far; empty where it says nothing that the comparison itself does not.
func runningText(m analysis.Metric, r *analysis.Running) string {
	if r == nil || r.Moments < 2 {
		return ""
	}
	text := fmt.Sprintf("smallest p so far %s. %s", pvalue(r.P, r.LnP), r.Sentence)
	if r.Interval == nil {
		return text + " The ranges of the looks have nothing in common: the effect changed while the experiment ran."
	}
	return text + fmt.Sprintf(" All ranges so far have %s in common.", differenceRange(m, *r.Interval))
}
