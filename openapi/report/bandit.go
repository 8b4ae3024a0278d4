package report

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/assayhq/assay/internal/analysis"
)

// weighed tells a change of the weights: the arms' shares since then, and why.
func weighed(r analysis.Result, w analysis.Weighing) string {
	var total int64
	for _, n := range w.Weights {
		total += n
	}
	var parts []string
	for i, n := range w.Weights {
		if i < len(r.Arms) {
			parts = append(parts, r.Arms[i].Variant+" "+share(n, total))
		}
	}
	return strings.Join(parts, ", ") + ". " + w.Reason
}

// textBandit tells what the plan's bandit recommends.
func textBandit(b *bytes.Buffer, r analysis.Result) {
	t := r.Bandit
	if t == nil {
		return
	}
	b.WriteString("\nBandit\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, a := range t.Arms {
		fmt.Fprintf(w, "  %s\tbest with %s\texpected loss %s\tweight %s\tnow %s\n", plain(a.Variant), percent(a.Best), loss(r.Metrics[0], a.Loss), count(a.Weight), count(a.Now)) //nolint:errcheck // into memory
	}
	w.Flush() //nolint:errcheck,gosec // into memory
	for _, sentence := range banditRemarks(t) {
		fmt.Fprintf(b, "    %s\n", plain(sentence))
	}
}

// banditRemarks are what is said below the weights.
func banditRemarks(t *analysis.Thompson) []string {
	out := []string{t.Sentence}
	if t.Method != "" {
		out = append(out, "Posterior: "+t.Method+". Weights count in 1/100,000.")
	}
	return out
}
