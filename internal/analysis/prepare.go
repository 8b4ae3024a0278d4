package analysis

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/stats"
)

// prepared is a metric's columns, ready to be summed up over any set of units.
type prepared struct {
	d metric.Definition
	// mayBeExact: small counts are judged by an exact test.
	mayBeExact bool
	primary    bool    // the plan's primary metric
	level      float64 // error probability of the arms' own intervals and of the fixed-horizon comparison
	// value is a unit's value, after capping; denominator what a ratio or rate divides by, nil where there is none; covariates what is
	// known from before.
	value, denominator []float64
	covariates         [][]float64
	ranked             bool   // compared by ranks
	strata             strata // within which it is compared, if any
	given              []bool // nil: every unit has a value
	singles            facts.Singles
	begins             []int32 // where each unit's single values begin; one more than there are units
	capped             *Capped
	notes              []string
}

// summary is a metric over a set of units: sufficient statistics.
type summary struct {
	units int64 // with a value
	sums  *stats.CoSums
	rate  stats.Proportion
	rows  []int32 // of the units, for quantiles
}

// prepare takes the metric's columns out of the table. A metric that cannot be prepared says why.
func prepare(u *facts.Units, d metric.Definition, c columns, r rules) (*prepared, error) {
	if d.Kind == "" {
		return nil, errors.New("the metric was not known at this position")
	}
	p := &prepared{d: d, level: r.Alpha, mayBeExact: !r.old, value: u.Values[c.value]}
	if len(u.Given) > c.value {
		p.given = u.Given[c.value]
	}
	if c.denominator != none {
		p.denominator = u.Values[c.denominator]
	}
	for _, column := range c.covariates {
		p.covariates = append(p.covariates, u.Values[column])
	}
	switch d.Kind {
	case metric.Quantile:
		p.singles = u.Each[c.value]
		p.begins = beginnings(p.singles, len(u.Arm))
	case metric.Rate:
		p.denominator = observed(u, d)
	case metric.NPS:
		p.value = opinions(p.value)
	case metric.CSAT:
		p.value = satisfied(p.value, d.Satisfied)
	case metric.Binary, metric.Count, metric.Mean, metric.Ratio:
	}
	return p, p.cap(u)
}

// observed is how many days each unit was under observation: from its first exposure until the window ends or the facts do.
func observed(u *facts.Units, d metric.Definition) []float64 {
	out := make([]float64, len(u.Arm))
	horizon := u.Horizon.UnixNano()
	for i, first := range u.FirstAt {
		seen := max(0, horizon-first)
		if window := d.WindowSeconds * int64(time.Second); window > 0 {
			seen = min(seen, window)
		}
		out[i] = float64(seen) / float64(day)
	}
	return out
}

// The bounds of promoters and detractors among answers from 0 to 10 (F. Reichheld, Harvard Business Review, December 2003).
const (
	promoter  = 9
	detractor = 6
)

// opinions turns answers into 100 for a promoter, -100 for a detractor and 0 for the others, so that their mean is the score.
func opinions(answers []float64) []float64 {
	out := make([]float64, len(answers))
	for i, a := range answers {
		switch {
		case a >= promoter:
			out[i] = 100
		case a <= detractor:
			out[i] = -100
		}
	}
	return out
}

func satisfied(answers []float64, from float64) []float64 {
	out := make([]float64, len(answers))
	for i, a := range answers {
		if a >= from {
			out[i] = 1
		}
	}
	return out
}

// beginnings says where each unit's values begin in a list that is ordered by unit.
func beginnings(s facts.Singles, units int) []int32 {
	out := make([]int32, units+1)
	for _, row := range s.Row {
		out[row+1]++
	}
	for i := 1; i <= units; i++ {
		out[i] += out[i-1]
	}
	return out
}

// columns are what is summed up per unit: the value, what it is divided by, and what is known from before.
func (p *prepared) columns() [][]float64 {
	columns := [][]float64{p.value}
	if p.denominator != nil {
		columns = append(columns, p.denominator)
	}
	return append(columns, p.covariates...)
}

// summarize sums the metric up over units.
func (p *prepared) summarize(rows []int32) (summary, error) {
	s := summary{rows: rows}
	s.sums = stats.NewCoSums(len(p.columns()))
	err := p.each(s, func(_ int32, values []float64) error {
		if values[0] != 0 {
			s.rate.X++
		}
		s.units++
		return s.sums.Add(values...)
	})
	s.rate.N = s.units
	return s, err
}

// each calls do for every unit of a summary that has a value, with what is summed up of it.
func (p *prepared) each(s summary, do func(row int32, values []float64) error) error {
	columns := p.columns()
	values := make([]float64, len(columns))
	for _, row := range s.rows {
		if p.given != nil && !p.given[row] {
			continue
		}
		for i, c := range columns {
			values[i] = c[row]
		}
		if err := do(row, values); err != nil {
			return err
		}
	}
	return nil
}

func (p *prepared) isRate() bool { return p.d.Kind == metric.Binary || p.d.Kind == metric.CSAT }

// figures are those of an arm by itself.
func (p *prepared) figures(variant string, s summary) MetricArm {
	out := MetricArm{Variant: variant, Units: s.units}
	if s.units == 0 {
		return out
	}
	own := s.sums.Sums(0)
	moments := own.Moments()
	out.Sum, out.SumSquares, out.Mean = own.Sum(), own.SumSquares(), moments.Mean
	if moments.N > 1 {
		sd := math.Sqrt(moments.Variance())
		out.SD = &sd
	}
	low, high, err := moments.Interval(p.level)
	switch {
	case p.isRate():
		x := s.rate.X
		out.Conversions, out.Mean = &x, s.rate.Rate()
		low, high, err = s.rate.Wilson(p.level)
	case p.denominator != nil:
		low, high, err = p.ratioFigures(&out, s)
	case p.d.Kind == metric.Quantile:
		low, high, err = p.quantileFigures(&out, s)
	}
	if err == nil && finite(low, high) {
		out.Interval = &Interval{Low: low, High: high}
	}
	return out
}

// sentence ends an error like a sentence of the report.
func sentence(err error) string { return fmt.Sprintf("Not computed: %v.", err) }
