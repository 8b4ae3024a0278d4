package analysis

import (
	"fmt"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/stats"
)

// crossoverWarning is the share of units in several arms from which a reader should ask why.
const crossoverWarning = 0.01

// health says whether the numbers can be trusted. It looks at all facts, also those after the last look.
func (a *analyst) health(r Result, units []int64) Health {
	h := Health{SRM: a.sampleRatio(units), Crossovers: crossed(units, a.in.Now.Crossovers, a.periods.several())}
	if a.rules.old {
		return h
	}
	a.watchRatio(&h.SRM)
	for _, check := range []func(Result) []Check{a.ratioByDay, a.ratioBySegment, a.runtime, a.twyman, a.novelty, a.imbalance} {
		h.Checks = append(h.Checks, check(r)...)
	}
	return h
}

func weightsOf(plan experiment.Plan) []int64 {
	return weightsIn(plan.Arms)
}

func (a *analyst) sampleRatio(units []int64) SRM {
	counted := a.counted(units)
	out := SRM{State: None, Observed: byArm(counted), Expected: []float64{}, P: 1, Threshold: stats.SRMThreshold}
	test, err := a.periods.ratio(counted)
	if err != nil {
		out.Sentence = "Sample ratio not checked: " + err.Error() + "."
		return out
	}
	out.Expected, out.ChiSquare, out.DF, out.P = test.Expected, test.ChiSquare, test.DF, test.P
	if test.P < stats.SRMThreshold {
		out.State = Fail
		out.Sentence = fmt.Sprintf("The units are not divided as planned (chi-square %.4g, p %.2g, below %g): something loses or adds units in one arm; find out what before reading the metrics.", test.ChiSquare, test.P, stats.SRMThreshold)
		return out
	}
	out.State = Pass
	out.Sentence = fmt.Sprintf("The units are divided as planned (chi-square %.4g, p %.3g; the alarm is below %g).", test.ChiSquare, test.P, stats.SRMThreshold)
	return out
}

// watchRatio adds the test that may be watched every day, over the days on which units first came.
func (a *analyst) watchRatio(srm *SRM) {
	days := a.days()
	if len(days) == 0 {
		return
	}
	test, err := stats.SampleRatioPeriods(a.watched(days), stats.SRMConcentration)
	if err != nil || len(test.P) == 0 {
		return
	}
	p := test.P[len(test.P)-1]
	srm.SequentialP = &p
	if p < stats.SRMThreshold && srm.State != Fail {
		srm.State = Fail
		srm.Sentence = fmt.Sprintf("The units were not divided as planned at some time of the run (sequential test, p %.2g, below %g): something lost or added units in one arm; find out what before reading the metrics.", p, stats.SRMThreshold)
	}
}

func crossed(units []int64, crossovers int64, moved bool) Crossovers {
	total := crossovers
	if moved {
		total = 0 // they have an arm, the one they were seen in first
	}
	for _, n := range units {
		total += n
	}
	out := Crossovers{State: None, Units: crossovers, Policy: "excluded", Sentence: "No unit was exposed yet."}
	if total == 0 {
		return out
	}
	out.Share = float64(crossovers) / float64(total)
	out.State = Pass
	out.Sentence = "No unit was seen in more than one arm."
	if crossovers > 0 {
		out.Sentence = fmt.Sprintf("%d units (%.3g %%) were seen in more than one arm and are excluded.", crossovers, 100*out.Share)
	}
	if moved && crossovers > 0 {
		out.Policy = "first"
		out.Sentence = fmt.Sprintf("%d units (%.3g %%) were seen in more than one arm, as changed weights have it; they count in the one they were seen in first.", crossovers, 100*out.Share)
		return out
	}
	if out.Share > crossoverWarning {
		out.State = Warn
		out.Sentence += " Find out why units change their arm."
	}
	return out
}
