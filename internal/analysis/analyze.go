package analysis

import (
	"fmt"
	"strconv"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/stats"
)

// alpha is the two-sided error probability of every comparison.
const alpha = 0.05

// Input is what an analysis is made of.
type Input struct {
	Position                        facts.Position
	Experiment                      experiment.State
	StartedAt, StoppedAt, DecidedAt time.Time
	Amendments                      []Amendment
	// Metrics are those of the plan, as they were at the position. One that is missing is reported as such.
	Metrics map[domain.MetricKey]metric.State
	// Units are the answer to Query.
	Units *facts.Units
}

// Query is the question to the facts that an analysis needs answered.
func Query(in Input) facts.Query {
	plan := in.Experiment.Plan
	q := facts.Query{
		Project: in.Experiment.Project, Environment: plan.Environment, Experiment: in.Experiment.Key, UnitType: plan.Unit, At: in.Position,
	}
	for _, arm := range plan.Arms {
		q.Arms = append(q.Arms, arm.Variant)
	}
	for _, key := range plan.Metrics() {
		d := in.Metrics[key].Definition
		m := facts.Metric{Event: d.Event, Kind: facts.Any, Window: time.Duration(d.WindowSeconds) * time.Second}
		switch d.Kind {
		case metric.Count:
			m.Kind = facts.Count
		case metric.Mean:
			m.Kind = facts.Sum
		case metric.Binary:
		}
		q.Metrics = append(q.Metrics, m)
	}
	return q
}

// Analyze makes the result.
func Analyze(in Input) Result {
	e := in.Experiment
	r := Result{
		AnalysisVersion: Version, Position: strconv.FormatUint(uint64(in.Position), 10), Project: string(e.Project), Alpha: alpha,
		Experiment: Experiment{
			Key: string(e.Key), Name: e.Name, Status: string(e.Status), Hypothesis: e.Plan.Hypothesis, Flag: string(e.Plan.Flag),
			Environment: string(e.Plan.Environment), UnitType: string(e.Plan.Unit), PlannedEnd: e.Plan.PlannedEnd,
			StartedAt: in.StartedAt, StoppedAt: in.StoppedAt, DecidedAt: in.DecidedAt, Decision: e.Decision, Amendments: in.Amendments,
		},
		Data: Data{
			FirstExposure: in.Units.FirstExposure, LastExposure: in.Units.LastExposure,
			AssumedTimes: in.Units.AssumedTimes, UnknownVariantUnits: in.Units.UnknownVariant,
		},
	}
	units := make([]int64, len(e.Plan.Arms))
	for _, arm := range in.Units.Arm {
		units[arm]++
	}
	for i, arm := range e.Plan.Arms {
		r.Arms = append(r.Arms, Arm{
			Variant: string(arm.Variant), Control: i == 0, ExpectedShare: float64(arm.Weight) / float64(e.Plan.Total), Units: units[i],
		})
	}
	r.Health = health(e.Plan, units, in.Units.Crossovers)
	for i, key := range e.Plan.Metrics() {
		r.Metrics = append(r.Metrics, analyzeMetric(in, i, key))
	}
	r.Verdict = judge(r)
	return r
}

func roleOf(p experiment.Plan, i int) Role {
	switch {
	case i == 0:
		return Primary
	case i <= len(p.Secondary):
		return Secondary
	default:
		return Guardrail
	}
}

// analyzeMetric makes one metric's numbers. Whatever is wrong with it stays in it.
func analyzeMetric(in Input, i int, key domain.MetricKey) Metric {
	state := in.Metrics[key]
	d := state.Definition
	m := Metric{
		Key: string(key), Name: state.Name, Role: roleOf(in.Experiment.Plan, i), Kind: string(d.Kind), Direction: string(d.Direction),
		Unit: d.Unit, WindowSecs: d.WindowSeconds, UnitsWithoutExposure: in.Units.WithoutExposure[i], Comparisons: []Effect{},
	}
	values := byArm(in.Units, i, len(in.Experiment.Plan.Arms))
	for arm, v := range values {
		m.Arms = append(m.Arms, armFigures(string(in.Experiment.Plan.Arms[arm].Variant), d.Kind, v))
	}
	for arm := 1; arm < len(values); arm++ {
		m.Comparisons = append(m.Comparisons, compare(m, d, values, arm))
	}
	return m
}

// byArm divides a metric's values between the arms, each in the table's order.
func byArm(u *facts.Units, metric, arms int) [][]float64 {
	sizes := make([]int, arms)
	for _, arm := range u.Arm {
		sizes[arm]++
	}
	out := make([][]float64, arms)
	for i, n := range sizes {
		out[i] = make([]float64, 0, n)
	}
	for unit, arm := range u.Arm {
		out[arm] = append(out[arm], u.Values[metric][unit])
	}
	return out
}

func proportionOf(values []float64) stats.Proportion {
	p := stats.Proportion{N: int64(len(values))}
	for _, v := range values {
		if v != 0 {
			p.X++
		}
	}
	return p
}

func armFigures(variant string, kind metric.Kind, values []float64) MetricArm {
	out := MetricArm{Variant: variant, Units: int64(len(values))}
	for _, v := range values {
		out.Sum += v
		out.SumSquares += v * v
	}
	if len(values) == 0 {
		return out
	}
	moments := stats.MomentsOf(values)
	out.Mean = moments.Mean
	low, high, err := moments.Interval(alpha)
	if kind == metric.Binary {
		p := proportionOf(values)
		out.Conversions, out.Mean = &p.X, p.Rate()
		low, high, err = p.Wilson(alpha)
	}
	if moments.N > 1 {
		sd := sqrt(moments.Variance())
		out.SD = &sd
	}
	if err == nil {
		out.Interval = &Interval{Low: low, High: high}
	}
	return out
}

// compare judges one arm against the control.
func compare(m Metric, d metric.Definition, values [][]float64, arm int) Effect {
	out := Effect{Variant: m.Arms[arm].Variant, Control: m.Arms[0].Variant}
	var effect stats.Effect
	var err error
	if d.Kind == metric.Binary {
		var pooled stats.PooledZ
		effect, pooled, err = stats.TwoProportions(proportionOf(values[0]), proportionOf(values[arm]), alpha)
		out.Pooled = &PooledZ{SE: pooled.SE, Z: pooled.Z, P: pooled.P}
	} else {
		effect, err = stats.Welch(stats.MomentsOf(values[0]), stats.MomentsOf(values[arm]), alpha)
	}
	if d.Kind == "" {
		err = fmt.Errorf("the metric %q was not known at this position", m.Key)
	}
	if err != nil {
		return Effect{Variant: out.Variant, Control: out.Control, Problem: sentence(err), P: 1}
	}
	out.Method, out.Statistic, out.Critical, out.P, out.LnP = effect.Method, effect.Statistic, effect.Critical, effect.P, effect.LnP
	out.Difference = &Estimate{Value: effect.Difference, SE: effect.SE, Interval: Interval{Low: effect.Low, High: effect.High}}
	if !isInf(effect.DF) {
		out.DF = &effect.DF
	}
	out.Relative = relativeOf(effect.Relative)
	out.Word = wordOf(effect, d.Direction)
	return out
}

func relativeOf(r *stats.Relative) *Relative {
	if r == nil {
		return nil
	}
	out := &Relative{Value: r.Value, Unbounded: r.Unbounded}
	if !r.Unbounded {
		out.Low, out.High = &r.Low, &r.High
	}
	return out
}

func wordOf(e stats.Effect, d metric.Direction) Word {
	switch {
	case e.Low <= 0 && e.High >= 0:
		return Unclear
	case (e.Difference > 0) == (d == metric.Increase):
		return Better
	default:
		return Worse
	}
}

// sentence ends an error like a sentence of the report.
func sentence(err error) string { return "Not computed: " + err.Error() + "." }
