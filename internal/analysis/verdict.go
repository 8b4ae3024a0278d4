package analysis

import (
	"fmt"
	"math"
	"strings"

	"github.com/assayhq/assay/domain/experiment"
)

// judge says in a sentence what follows from the numbers. The order is the order of what matters: trust, data, harm, effect.
func judge(r Result) Verdict {
	if r.Health.SRM.State == Fail {
		return Verdict{Outcome: DoNotTrust, Sentence: "Do not trust these numbers: the units are not divided between the arms as planned."}
	}
	primary := r.Metrics[0]
	for _, e := range primary.Comparisons {
		if e.Problem != "" {
			return Verdict{Outcome: NotEnough, Sentence: fmt.Sprintf("There is not enough data yet: %s cannot be compared for %s.", primary.Name, e.Variant)}
		}
	}
	if early(r) {
		return Verdict{Outcome: NotEnough, Sentence: fmt.Sprintf("The experiment runs until %s; the primary metric is read then, not before.", r.Experiment.PlannedEnd.Format("2 January 2006, 15:04 UTC"))}
	}
	if harm, ok := harmed(r); ok {
		return harm
	}
	return best(r, primary)
}

// early reports whether a running experiment's planned end lies after all of its data. Looking is allowed; deciding by a
// fixed-horizon test before its horizon is not.
func early(r Result) bool {
	end := r.Experiment.PlannedEnd
	return r.Experiment.Status == string(experiment.StatusRunning) && !end.IsZero() && r.Data.LastExposure.Before(end)
}

// harmed finds an arm in which a guardrail got worse.
func harmed(r Result) (Verdict, bool) {
	for _, m := range r.Metrics {
		if m.Role != Guardrail {
			continue
		}
		for _, e := range m.Comparisons {
			if e.Word == Worse {
				return Verdict{
					Outcome: DoNotShip, Variant: e.Variant,
					Sentence: fmt.Sprintf("Don't ship %s: the guardrail %s got worse, %s.", e.Variant, m.Name, tell(m, e, r.Alpha)),
				}, true
			}
		}
	}
	return Verdict{}, false
}

// best weighs the arms by the primary metric. With several treatments each must hold after Holm's correction, because the best
// of many is chosen.
func best(r Result, primary Metric) Verdict {
	var winner, loser *Effect
	for i := range primary.Comparisons {
		e := &primary.Comparisons[i]
		if !holds(primary.Comparisons, i, r.Alpha) {
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
		return Verdict{Outcome: Ship, Variant: winner.Variant, Sentence: fmt.Sprintf("Ship %s: %s improved, %s.%s", winner.Variant, primary.Name, tell(primary, *winner, r.Alpha), guardrailWords(r))}
	case loser != nil:
		return Verdict{Outcome: DoNotShip, Variant: loser.Variant, Sentence: fmt.Sprintf("Don't ship %s: %s got worse, %s.", loser.Variant, primary.Name, tell(primary, *loser, r.Alpha))}
	default:
		e := primary.Comparisons[0]
		return Verdict{Outcome: NoDifference, Sentence: fmt.Sprintf("No clear difference in %s: %s.", primary.Name, tell(primary, e, r.Alpha))}
	}
}

// holds is Holm's step-down rule (S. Holm, Scandinavian Journal of Statistics 6, 1979) for one of several comparisons: with r
// smaller p values among k, all of them and this one must be at most alpha / (k - rank).
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
	if r := e.Relative; r != nil && !r.Unbounded {
		text += fmt.Sprintf(" (%s, %g %% range %s to %s)", change(r.Value), 100*(1-alpha), change(*r.Low), change(*r.High))
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
	if m.Kind == "binary" {
		return fmt.Sprintf("%.2f %%", 100*x)
	}
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", x, m.Unit))
}

func guardrailWords(r Result) string {
	n := 0
	for _, m := range r.Metrics {
		if m.Role == Guardrail {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return " No guardrail got worse."
}
