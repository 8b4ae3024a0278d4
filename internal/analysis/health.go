package analysis

import (
	"fmt"
	"math"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/stats"
)

// crossoverWarning is the share of units in several arms from which a reader should ask why.
const crossoverWarning = 0.01

func health(plan experiment.Plan, units []int64, crossovers int64) Health {
	return Health{SRM: sampleRatio(plan, units), Crossovers: crossed(units, crossovers)}
}

func sampleRatio(plan experiment.Plan, units []int64) SRM {
	weights := make([]int64, len(plan.Arms))
	for i, arm := range plan.Arms {
		weights[i] = int64(arm.Weight)
	}
	out := SRM{State: None, Observed: units, Expected: []float64{}, P: 1, Threshold: stats.SRMThreshold}
	test, err := stats.SampleRatio(units, weights)
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

func crossed(units []int64, crossovers int64) Crossovers {
	total := crossovers
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
	if out.Share > crossoverWarning {
		out.State = Warn
		out.Sentence += " Find out why units change their arm."
	}
	return out
}

func sqrt(x float64) float64 { return math.Sqrt(x) }

func isInf(x float64) bool { return math.IsInf(x, 0) }
