package report

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/assayhq/assay/internal/analysis"
)

// renderText tells the result for a terminal of some hundred columns.
func renderText(r analysis.Result) []byte {
	var b bytes.Buffer
	e := r.Experiment
	fmt.Fprintf(&b, "%s (%s/%s), %s\n\n", plain(e.Name), r.Project, e.Key, e.Status)
	fmt.Fprintf(&b, "%s\n\n", plain(r.Verdict.Sentence))
	fmt.Fprintf(&b, "Hypothesis  %s\n", plain(e.Hypothesis))
	fmt.Fprintf(&b, "Tested on   flag %s in %s, by %s; %s\n", e.Flag, e.Environment, plain(unitOfSplit(e)), plain(period(r)))
	if e.Decision != nil {
		fmt.Fprintf(&b, "Decided     %s %s on %s: %s\n", e.Decision.Outcome, e.Decision.Variant, day(e.DecidedAt), plain(e.Decision.Why))
	}
	for _, a := range e.Amendments {
		fmt.Fprintf(&b, "Amended     %s by %s: %s\n", moment(a.At), a.By, plain(amended(a)))
	}
	for _, w := range r.Weighings {
		fmt.Fprintf(&b, "Weights     %s by %s: %s\n", moment(w.At), w.By, plain(weighed(r, w)))
	}
	textPlan(&b, r)
	textArms(&b, r)
	textMetrics(&b, r)
	textBandit(&b, r)
	textSegments(&b, r)
	b.WriteString("\nHealth\n")
	for _, check := range checks(r) {
		fmt.Fprintf(&b, "  %-4s  %s\n", check.State, plain(check.Sentence))
	}
	for _, note := range notes(r) {
		fmt.Fprintf(&b, "  note  %s\n", note)
	}
	fmt.Fprintf(&b, "\nLog position %s, analysis version %s, intervals cover %s.\n", r.Position, r.AnalysisVersion, percentLevel(r))
	return b.Bytes()
}

func textArms(b *bytes.Buffer, r analysis.Result) {
	b.WriteString("\nArms\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	var total int64
	for _, a := range r.Arms {
		total += a.Units
	}
	for _, a := range r.Arms {
		role := ""
		if a.Control {
			role = "control"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s units\t%s (planned %s)\n", plain(a.Variant), role, count(a.Units), share(a.Units, total), percent(a.ExpectedShare)) //nolint:errcheck // into memory
	}
	w.Flush() //nolint:errcheck,gosec // into memory
}

func textMetrics(b *bytes.Buffer, r analysis.Result) {
	for _, m := range r.Metrics {
		fmt.Fprintf(b, "\n%s (%s, %s is better)\n", plain(m.Name), m.Role, m.Direction)
		w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		effects := effectsByVariant(m)
		for _, a := range m.Arms {
			line := fmt.Sprintf("  %s\t%s\t", plain(a.Variant), figure(m, a.Mean))
			if e, ok := effects[a.Variant]; ok {
				line += effectText(m, e)
			}
			fmt.Fprintln(w, strings.TrimRight(line, "\t")) //nolint:errcheck // into memory
		}
		w.Flush() //nolint:errcheck,gosec // into memory
		for _, remark := range remarks(r, m) {
			fmt.Fprintf(b, "    %s\n", plain(remark))
		}
	}
}

func textPlan(b *bytes.Buffer, r analysis.Result) {
	if len(r.Plan.Sentences) == 0 {
		return
	}
	b.WriteString("\nHow it is judged\n")
	for _, sentence := range r.Plan.Sentences {
		fmt.Fprintf(b, "  %s\n", plain(sentence))
	}
	for _, sentence := range looked(r) {
		fmt.Fprintf(b, "  %s\n", plain(sentence))
	}
}

func textSegments(b *bytes.Buffer, r analysis.Result) {
	for _, s := range r.Segments {
		fmt.Fprintf(b, "\n%s by %s\n", plain(r.Metrics[0].Name), plain(s.Attribute))
		w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		for _, segment := range s.Segments {
			for _, e := range segment.Comparisons {
				fmt.Fprintf(w, "  %s\t%s\t%s units\t%s\n", plain(segment.Value), plain(e.Variant), count(unitsOf(segment)), effectText(r.Metrics[0], e)) //nolint:errcheck // into memory
			}
		}
		w.Flush() //nolint:errcheck,gosec // into memory
		for _, sentence := range segmentRemarks(s) {
			fmt.Fprintf(b, "    %s\n", plain(sentence))
		}
	}
}

func effectText(m analysis.Metric, e analysis.Effect) string {
	if e.Problem != "" {
		return e.Problem
	}
	return fmt.Sprintf("%s [%s]\trelative %s [%s]\tp %s\t%s",
		difference(m, e.Difference.Value), differenceRange(m, e.Difference.Interval),
		relative(e.Relative), relativeRange(e.Relative), pvalue(e.P, e.LnP), e.Word)
}

func effectsByVariant(m analysis.Metric) map[string]analysis.Effect {
	effects := make(map[string]analysis.Effect, len(m.Comparisons))
	for _, e := range m.Comparisons {
		effects[e.Variant] = e
	}
	return effects
}

// plain keeps text from steering a terminal: control characters become spaces.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

func share(part, whole int64) string {
	if whole == 0 {
		return dash
	}
	return percent(float64(part) / float64(whole))
}

func percentLevel(r analysis.Result) string {
	return strconv.FormatFloat(100*(1-r.Alpha), 'g', 4, 64) + space + "%"
}

// unitOfSplit says what is randomised, and by which attribute when that is not the targeting key.
func unitOfSplit(e analysis.Experiment) string {
	if e.UnitBy == "" {
		return e.UnitType
	}
	return fmt.Sprintf("%s (attribute %s)", e.UnitType, e.UnitBy)
}

// period says when it ran and what its data span, as far as that is known.
func period(r analysis.Result) string {
	e := r.Experiment
	text := "not started"
	if !e.StartedAt.IsZero() {
		text = "started " + day(e.StartedAt)
	}
	if !e.StoppedAt.IsZero() {
		text += ", stopped " + day(e.StoppedAt)
	}
	if !e.PlannedEnd.IsZero() {
		text += ", planned end " + day(e.PlannedEnd)
	}
	return text
}
