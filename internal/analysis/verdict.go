package analysis

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/assayhq/assay/domain/experiment"
)

// verdict says in a sentence what follows from the numbers. The order is the order of what matters: trust, data, harm, effect.
func (a *analyst) verdict(r Result) Verdict {
	if r.Health.SRM.State == Fail {
		return Verdict{Outcome: DoNotTrust, Sentence: "Do not trust these numbers: the units are not divided between the arms as planned."}
	}
	primary := r.Metrics[0]
	for _, e := range primary.Comparisons {
		if e.Problem != "" {
			return Verdict{Outcome: NotEnough, Sentence: fmt.Sprintf("There is not enough data yet: %s cannot be compared for %s.", primary.Name, e.Variant)}
		}
	}
	if harm, ok := harmed(r); ok && !a.rules.old {
		return harm // harm is shown at every moment; nobody has to wait for a look to end it
	}
	if wait, ok := a.tooEarly(r); ok {
		return wait
	}
	if harm, ok := harmed(r); ok {
		return harm
	}
	return a.best(r, primary)
}

// tooEarly says why nothing may be concluded yet from the primary metric.
func (a *analyst) tooEarly(r Result) (Verdict, bool) {
	end := r.Experiment.PlannedEnd
	running := r.Experiment.Status == string(experiment.StatusRunning)
	switch a.rules.Method {
	case experiment.GroupSequential:
		if !a.course.taken {
			return Verdict{Outcome: NotEnough, Sentence: "There is not enough data yet: no look at the results has been taken; the first planned one is at " + share(a.course.shares[0]) + " of the planned information."}, true
		}
	case experiment.Fixed:
		if running && !end.IsZero() && r.Data.LastExposure.Before(end) {
			return Verdict{Outcome: NotEnough, Sentence: fmt.Sprintf("The experiment runs until %s; the primary metric is read then, not before.", end.Format("2 January 2006, 15:04 UTC"))}, true
		}
	case experiment.ConfidenceSequence, experiment.MixtureSPRT:
	}
	return Verdict{}, false
}

// ranShort reports whether data have come in for less than the minimum runtime, and for how long. Once the planned end is reached, or the
// last look taken, the plan has run its course, however late the first unit came.
func (a *analyst) ranShort() (time.Duration, bool) {
	m, end := a.rules.MinRuntimeSeconds, a.in.Experiment.Plan.PlannedEnd
	ran := a.in.Now.LastExposure.Sub(a.in.Now.FirstExposure)
	done := a.course.taken && a.course.final || !end.IsZero() && !a.in.Now.LastExposure.Before(end)
	return ran, m != nil && !done && ran < time.Duration(*m)*time.Second
}

// harmed finds an arm in which a guardrail got worse.
func harmed(r Result) (Verdict, bool) {
	for _, m := range r.Metrics {
		if m.Role != Guardrail {
			continue
		}
		for _, e := range m.Comparisons {
			if e.Guard == nil && e.Word == Worse || e.Guard != nil && e.Guard.State == GuardBreached {
				return Verdict{
					Outcome: DoNotShip, Variant: e.Variant,
					Sentence: fmt.Sprintf("Don't ship %s: the guardrail %s got worse, %s.", e.Variant, m.Name, tell(m, e, r.Alpha)),
				}, true
			}
		}
	}
	return Verdict{}, false
}

// best weighs the arms by the primary metric. What counts has passed the correction for several arms, because the best of many is
// chosen.
func (a *analyst) best(r Result, primary Metric) Verdict {
	var winner, loser *Effect
	for i := range primary.Comparisons {
		e := &primary.Comparisons[i]
		if a.rules.old && !holds(primary.Comparisons, i, r.Alpha) {
			continue
		}
		switch e.Word {
		case Better:
			if winner == nil || math.Abs(e.Difference.Value) > math.Abs(winner.Difference.Value) {
				winner = e
			}
		case Worse:
			if loser == nil {
				loser = e
			}
		case Unclear:
		}
	}
	switch {
	case winner != nil:
		return a.won(r, primary, *winner)
	case loser != nil:
		return Verdict{Outcome: DoNotShip, Variant: loser.Variant, Sentence: fmt.Sprintf("Don't ship %s: %s got worse, %s.", loser.Variant, primary.Name, tell(primary, *loser, r.Alpha))}
	default:
		return a.undecided(r, primary)
	}
}

// won is the verdict on an arm whose primary metric improved: it ships unless it came too soon, or a guardrail with a margin is still
// open.
func (a *analyst) won(r Result, primary Metric, e Effect) Verdict {
	improved := fmt.Sprintf("%s improved, %s.", primary.Name, tell(primary, e, r.Alpha))
	if ran, short := a.ranShort(); short {
		return Verdict{Outcome: NotEnough, Variant: e.Variant, Sentence: fmt.Sprintf("Not yet: %s But data have come in for %s only, and the plan asks for %s.", improved, span(ran), span(time.Duration(*a.rules.MinRuntimeSeconds)*time.Second))}
	}
	for _, m := range r.Metrics {
		for _, o := range m.Comparisons {
			if o.Variant == e.Variant && o.Guard != nil && o.Guard.Margin.Value > 0 && o.Guard.State == GuardOpen {
				return Verdict{Outcome: NotEnough, Variant: e.Variant, Sentence: fmt.Sprintf("Not yet: %s But the guardrail %s is not shown to stay within its margin of %s.", improved, m.Name, amountText(o.Guard.Margin))}
			}
		}
	}
	text := fmt.Sprintf("Ship %s: %s", e.Variant, improved)
	if e.Target != nil {
		text += " " + e.Target.Sentence
	}
	return Verdict{Outcome: Ship, Variant: e.Variant, Sentence: text + guardrailWords(r)}
}

// undecided is the verdict when no arm is clearly better or worse: an answer at the end, and a reason to go on before it.
func (a *analyst) undecided(r Result, primary Metric) Verdict {
	e := primary.Comparisons[0]
	none := fmt.Sprintf("No clear difference in %s: %s.", primary.Name, tell(primary, e, r.Alpha))
	running := r.Experiment.Status == string(experiment.StatusRunning)
	switch {
	case running && a.rules.sequential() && !a.course.final:
		return Verdict{Outcome: NotEnough, Sentence: fmt.Sprintf("Not yet: no boundary was crossed at look %d (%s of the planned information). %s", len(a.course.shares), share(a.course.shares[len(a.course.shares)-1]), none)}
	case running && a.rules.Method.AlwaysValid():
		return Verdict{Outcome: NotEnough, Sentence: "Not yet: the experiment goes on. " + none + wasClear(primary)}
	default:
		return Verdict{Outcome: NoDifference, Sentence: none + wasClear(primary)}
	}
}

// holds is Holm's step-down rule (S. Holm, Scandinavian Journal of Statistics 6, 1979) for one of several comparisons: with r
// smaller p values among k, all of them and this one must be at most alpha / (k - rank). It judges plans that say nothing of a
// correction; others have it in their levels.
func holds(all []Effect, i int, alpha float64) bool {
	k := len(all)
	for j := range all {
		if all[j].LnP > all[i].LnP {
			continue
		}
		rank := 0
		for _, o := range all {
			if o.LnP < all[j].LnP {
				rank++
			}
		}
		if all[j].P > alpha/float64(k-rank) {
			return false
		}
	}
	return true
}

// tell puts a comparison into words: both figures, the relative change and its range.
func tell(m Metric, e Effect, alpha float64) string {
	from, to := meanOf(m, e.Control), meanOf(m, e.Variant)
	text := fmt.Sprintf("from %s to %s", figure(m, from), figure(m, to))
	if e.Level != nil {
		alpha = *e.Level
	}
	if e.Rank != nil {
		return text + " (" + rankWords(*e.Rank, alpha) + ")"
	}
	if r := e.Relative; r != nil && !r.Unbounded {
		text += fmt.Sprintf(" (%s, %.4g %% range %s to %s)", change(r.Value), 100*(1-alpha), change(*r.Low), change(*r.High))
	}
	return text
}

// change writes a relative change with its sign, a minus being a minus.
func change(x float64) string {
	return strings.Replace(fmt.Sprintf("%+.1f %%", 100*x), "-", "−", 1)
}

func meanOf(m Metric, variant string) float64 {
	for _, a := range m.Arms {
		if a.Variant == variant {
			return a.Mean
		}
	}
	return math.NaN()
}

func figure(m Metric, x float64) string {
	if m.Kind == "binary" || m.Kind == "csat" {
		return fmt.Sprintf("%.2f %%", 100*x)
	}
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", x, m.Unit))
}

func guardrailWords(r Result) string {
	n, open := 0, 0
	for _, m := range r.Metrics {
		if m.Role != Guardrail {
			continue
		}
		n++
		for _, e := range m.Comparisons {
			if e.Guard != nil && e.Guard.State == GuardOpen || e.Problem != "" {
				open++
			}
		}
	}
	switch {
	case n == 0:
		return ""
	case open > 0 && r.Plan.MinRuntimeSeconds != nil:
		return " No guardrail is shown to have got worse."
	default:
		return " No guardrail got worse."
	}
}
