package app

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
)

// designCommand answers how large an experiment has to be. It needs no server.
func designCommand(_ context.Context, args []string, s Streams) error {
	f := flagSet("design", "", "Says how many units an experiment needs (--effect), what it can find (--units), or with which power (both).\nSizes are shares with a percent sign (5%) or absolute without one (0.5).", s)
	q := analysis.DesignQuestion{}
	f.StringVar(&q.Kind, "kind", "binary", "`kind` of the metric: binary, mean or ratio")
	f.Float64Var(&q.Baseline, "baseline", 0, "the control's `value`: a rate (0.1), a mean or a ratio")
	f.Float64Var(&q.SD, "sd", 0, "standard `deviation` of a unit's value, for a mean or a ratio")
	effect := f.String("effect", "", "the smallest `effect` that should be found, such as 5% or 0.5")
	margin := f.String("margin", "", "how much `worse` it may be and still count as unharmed, instead of an effect")
	f.StringVar(&q.Direction, "direction", "increase", "which `way` is good, increase or decrease; for a margin")
	f.Float64Var(&q.Alpha, "alpha", 0.05, "`probability` of a false alarm, two-sided")
	f.Float64Var(&q.Power, "power", 0.8, "`probability` of finding the effect")
	weights := f.String("weights", "1,1", "`weights` of the arms, the control's first")
	method := f.String("method", string(experiment.GroupSequential), "group_sequential, confidence_sequence, msprt or fixed")
	spending := f.String("spending", "", "obrien_fleming, pocock, power, obrien_fleming_classic or pocock_classic")
	f.IntVar(&q.Looks, "looks", 5, "`number` of looks of a group sequential design")
	f.Float64Var(&q.VarianceExplained, "explained", 0, "`share` of the variance that a covariate explains (CUPED)")
	f.Int64Var(&q.Units, "units", 0, "`number` of units of all arms")
	f.Float64Var(&q.UnitsPerDay, "per-day", 0, "new `units` a day; tells the days, too")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return wrong(s, f, "assay design takes no arguments, but was given %q.", rest)
	}
	q.Method, q.Spending = experiment.Method(*method), experiment.Spending(*spending)
	if q.Effect, err = amount(*effect); err == nil {
		q.Margin, err = amount(*margin)
	}
	if err == nil {
		q.Weights, err = integers(*weights)
	}
	if err != nil {
		return wrong(s, f, "%v.", err)
	}
	answer, err := analysis.Design(q)
	if err != nil {
		return err
	}
	say(s.Out, "%s\nUnits by arm: %s\n", answer.Sentence, strings.Trim(fmt.Sprint(answer.Arms), "[]"))
	return nil
}

// amount reads 5% or 0.5; nil when empty.
func amount(text string) (*experiment.Amount, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nothing was given, which is no error
	}
	number, isShare := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return nil, fmt.Errorf("%q is no size; write 5%% or 0.5", text)
	}
	if isShare {
		return &experiment.Amount{By: experiment.Relative, Value: x / 100}, nil
	}
	return &experiment.Amount{By: experiment.Absolute, Value: x}, nil
}

func integers(text string) ([]int64, error) {
	var out []int64
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no weight; write whole numbers like 50,50", part)
		}
		out = append(out, n)
	}
	return out, nil
}
