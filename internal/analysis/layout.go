package analysis

import (
	"time"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/projections/facts"
)

// layout says in which columns of the units table the metrics of a plan are.
type layout struct {
	metrics []facts.Metric
	of      []columns // by metric of the plan
}

// columns are places in the units table; none: there is no such column.
type columns struct {
	value, denominator int
	covariates         []int
	names              []string // of the covariates, in words
	// early and late are what happened in the first week after the exposure and after it, for the check for novelty.
	early, late int
}

const (
	none       = -1
	day        = 24 * time.Hour
	earlyWeek  = 7 * day
	covariates = "measurements before the first exposure"
)

func layoutOf(in Input) layout {
	var out layout
	r := rulesOf(in)
	for i, key := range in.Experiment.Plan.Metrics() {
		d := in.Metrics[key].Definition
		c := out.place(d)
		if r.CUPED == experiment.On {
			out.adjust(in, r, key, d, &c)
		}
		if i == 0 && !r.old {
			out.split(d, &c)
		}
		out.of = append(out.of, c)
	}
	return out
}

func (l *layout) add(m facts.Metric) int {
	l.metrics = append(l.metrics, m)
	return len(l.metrics) - 1
}

// place adds the columns that a metric needs.
func (l *layout) place(d metric.Definition) columns {
	window := time.Duration(d.WindowSeconds) * time.Second
	c := columns{denominator: none, early: none, late: none}
	c.value = l.add(facts.Metric{Event: d.Event, Kind: kindOf(d), Window: window})
	if d.Kind == metric.Ratio {
		c.denominator = l.add(facts.Metric{Event: d.DenominatorEvent, Kind: kindOfTotal(d.Denominator), Window: window})
	}
	return c
}

// split adds what happened in the first week and after it, for metrics that can be divided so.
func (l *layout) split(d metric.Definition, c *columns) {
	window := time.Duration(d.WindowSeconds) * time.Second
	if window != 0 && window <= earlyWeek {
		return
	}
	kind := facts.Count
	switch d.Kind {
	case metric.Mean:
		kind = facts.Sum
	case metric.Binary, metric.Count:
	case metric.Ratio, metric.Quantile, metric.Rate, metric.NPS, metric.CSAT:
		return
	}
	c.early = l.add(facts.Metric{Event: d.Event, Kind: kind, Window: earlyWeek})
	c.late = l.add(facts.Metric{Event: d.Event, Kind: kind, From: earlyWeek, Window: max(0, window-earlyWeek)})
}

func kindOf(d metric.Definition) facts.Kind {
	switch d.Kind {
	case metric.Count, metric.Rate:
		return facts.Count
	case metric.Mean:
		return facts.Sum
	case metric.Ratio:
		return kindOfTotal(d.Numerator)
	case metric.Quantile:
		return facts.Each
	case metric.NPS, metric.CSAT:
		return facts.Last
	case metric.Binary:
	}
	return facts.Any
}

func kindOfTotal(t metric.Total) facts.Kind {
	if t == metric.SumOf {
		return facts.Sum
	}
	return facts.Count
}

// covariateKind is how the covariate is made: like the metric, but a binary metric is foretold better by how often than by whether.
func covariateKind(d metric.Definition) facts.Kind {
	if d.Kind == metric.Mean {
		return facts.Sum
	}
	return facts.Count
}
