package analysis

import (
	"fmt"
	"strconv"
	"time"

	"github.com/assayhq/assay/domain/experiment"
)

// Fraction is the part of the planned information that an experiment has at an instant: units over planned units, or time over planned
// time where no units are planned; at most 1. From the planned end on it is 1 in any case.
func Fraction(plan experiment.Plan, startedAt, at time.Time, units int64) float64 {
	end := plan.PlannedEnd
	if !end.IsZero() && !at.Before(end) {
		return 1
	}
	if planned := plan.Analysis.PlannedUnits; planned > 0 {
		return min(1, float64(units)/float64(planned))
	}
	if end.IsZero() || !end.After(startedAt) {
		return 1
	}
	return max(0, min(1, float64(at.Sub(startedAt))/float64(end.Sub(startedAt))))
}

// Due is the number of the planned look, from 1, that should have been taken by now and was not; 0 when there is none. Several that
// are overdue are one: the last of them.
func Due(a experiment.Analysis, readings []experiment.Reading, fraction float64) int {
	var taken int
	reached := 0.0
	for _, r := range readings {
		taken, reached = max(taken, r.Planned), max(reached, r.Fraction)
		if r.Final {
			return 0
		}
	}
	due := 0
	for i, at := range a.Schedule() {
		// A look in between that saw as much as the planned one stands for it.
		if i+1 > taken && at <= fraction+1e-12 && at > reached {
			due = i + 1
		}
	}
	return due
}

// looks tells which readings there were.
func (a *analyst) looks(r Result) *Looks {
	readings, schedule := a.in.Experiment.Readings, a.rules.Schedule()
	if len(readings) == 0 && a.rules.Method != experiment.GroupSequential && a.rules.Method != experiment.Fixed || a.rules.old && len(readings) == 0 {
		return nil
	}
	out := Looks{Planned: len(schedule), Taken: []Look{}}
	for _, l := range readings {
		out.Taken = append(out.Taken, Look{
			Look: l.Look, Planned: l.Planned, Position: strconv.FormatUint(l.Position, 10), At: l.At, Fraction: l.Fraction, Final: l.Final,
			Units: l.Units, Compared: l.Comparisons, Verdict: l.Verdict,
		})
	}
	switch a.rules.Method {
	case experiment.GroupSequential:
		a.sequentialLooks(&out, r)
	case experiment.Fixed:
		out.Sentence = fmt.Sprintf("%s recorded. A fixed-horizon test is valid for one reading at the planned end; every further one makes false alarms more likely than alpha.", countedLooks(len(readings)))
	case experiment.MixtureSPRT:
		out.Sentence = fmt.Sprintf("%s recorded. A mixture sequential test is valid however often one looks.", countedLooks(len(readings)))
	case experiment.ConfidenceSequence:
		out.Sentence = fmt.Sprintf("%s recorded. A confidence sequence is valid however often one looks.", countedLooks(len(readings)))
	}
	return &out
}

func (a *analyst) sequentialLooks(out *Looks, r Result) {
	readings, schedule := a.in.Experiment.Readings, a.rules.Schedule()
	if j, ok := a.judge.(lookJudge); ok {
		out.Bounds = j.bounds
	}
	last := a.in.Experiment.LastReading()
	if last == nil {
		out.Sentence = "No look has been taken yet. The ranges shown are those of the first planned look, and nothing follows from them before it."
		a.next(out, 0)
		return
	}
	out.Position = strconv.FormatUint(last.Position, 10)
	for _, arm := range r.Arms {
		out.UnitsSince += arm.Units
	}
	for _, n := range last.Units {
		out.UnitsSince -= n
	}
	out.Sentence = fmt.Sprintf("%s taken; the figures are those of the last, at %s of the planned information.", countedLooks(len(readings)), share(last.Fraction))
	if len(schedule) > 0 && !last.Final {
		a.next(out, last.Fraction)
	}
	if last.Final {
		out.Sentence = fmt.Sprintf("%s taken; the last of them has spent all of alpha.", countedLooks(len(readings)))
	}
}

// next says when the next planned look is due.
func (a *analyst) next(out *Looks, reached float64) {
	if a.in.Experiment.Status != experiment.StatusRunning {
		return
	}
	for _, at := range a.rules.Schedule() {
		if at <= reached {
			continue
		}
		out.NextFraction = at
		if end := a.in.Experiment.Plan.PlannedEnd; a.rules.PlannedUnits == 0 && end.After(a.in.StartedAt) {
			out.Next = a.in.StartedAt.Add(time.Duration(at * float64(end.Sub(a.in.StartedAt)))).Truncate(time.Millisecond)
		}
		return
	}
}

func countedLooks(n int) string {
	switch n {
	case 0:
		return "No look was"
	case 1:
		return "One look was"
	default:
		return fmt.Sprintf("%d looks were", n)
	}
}

func share(x float64) string { return fmt.Sprintf("%.3g %%", 100*x) }

// plan tells by which rules the experiment is judged.
func (a *analyst) plan() Plan {
	out := Plan{Analysis: a.rules.Analysis}
	add := func(format string, args ...any) { out.Sentences = append(out.Sentences, fmt.Sprintf(format, args...)) }
	switch r := a.rules; r.Method {
	case experiment.GroupSequential:
		by := "time"
		if r.PlannedUnits > 0 {
			by = fmt.Sprintf("units, %d of them planned", r.PlannedUnits)
		}
		add("Group sequential: %d planned looks by %s; alpha of %s is spent on the looks that are taken by the rule %s. The experiment may end at a look whose boundary is crossed.", len(r.Schedule()), by, share(r.Alpha), r.spendingName())
	case experiment.ConfidenceSequence:
		add("Confidence sequence at alpha %s, narrowest at %g units: valid at every moment, however often one looks.", share(r.Alpha), r.tuned())
	case experiment.MixtureSPRT:
		add("%s", r.mixtureSentence(len(a.in.Experiment.Plan.Secondary)))
	case experiment.Fixed:
		add("Fixed horizon at alpha %s: valid for one reading at the planned end.", share(r.Alpha))
	}
	if a.rules.old {
		add("The plan is from before plans said how they are analysed; with several arms the verdict uses Holm's correction, and the intervals are not corrected.")
		return out
	}
	a.familySentences(add)
	a.comparisonSentences(add)
	a.periodSentences(add)
	if m := a.rules.MinRuntimeSeconds; m != nil && *m > 0 {
		add("No arm wins before data have come in for %s.", span(time.Duration(*m)*time.Second))
	}
	return out
}

func (a *analyst) familySentences(add func(string, ...any)) {
	r, p := a.rules, a.in.Experiment.Plan
	n, of := len(p.Arms)-1, "the primary metric"
	switch r.Scope {
	case experiment.ScopeGoals:
		n, of = n*(1+len(p.Secondary)), "the primary and secondary metrics"
	case experiment.ScopeAll:
		n, of = n*len(p.Metrics()), "all metrics"
	case experiment.ScopePrimary:
	}
	switch {
	case n < 2:
		add("There is one comparison that decides, so there is nothing to correct for.")
	case r.Correction == experiment.NoCorrection:
		add("%d comparisons in %s, not corrected: expect about %.2g false alarms among them.", n, of, float64(n)*r.Alpha)
	case r.Correction == experiment.EBH || r.Correction == experiment.BH && r.Method.AlwaysValid():
		add("%s for %d comparisons in %s; always-valid p values are reciprocals of e-values, so it holds the share of false alarms however the comparisons depend on each other (e-BH).", r.correctionName(), n, of)
	case r.Correction == experiment.Bonferroni:
		add("%s for %d comparisons in %s; the intervals hold jointly.", r.correctionName(), n, of)
	default:
		add("%s for %d comparisons in %s; each interval is made at the level its comparison was tested at, so that it excludes 0 exactly when the correction rejects.", r.correctionName(), n, of)
	}
	if len(p.Secondary) > 0 && r.Scope == experiment.ScopePrimary {
		add("Secondary metrics are not in that family: they explain, and do not decide.")
	}
	if len(p.Guardrails) > 0 {
		add("Guardrails are tested one-sided for harm and for its absence, valid at every moment, each at alpha %s.", share(r.Alpha))
	}
}

// span writes a duration for people.
func span(d time.Duration) string {
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%.3g days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.3g hours", d.Hours())
	case d >= 2*time.Minute:
		return fmt.Sprintf("%.3g minutes", d.Minutes())
	default:
		return fmt.Sprintf("%.3g seconds", d.Seconds())
	}
}
