package analysis

import (
	"errors"
	"math"
	"strconv"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/stats"
)

// Analyze makes the result.
func Analyze(in Input) Result {
	if in.Now == nil {
		in.Now = in.Units
	}
	e := in.Experiment
	a := analyst{in: in, rules: rulesOf(in), layout: layoutOf(in), rows: rowsByArm(in.Units, len(e.Plan.Arms))}
	a.periods = periodsOf(in)
	a.strata = strataOf(in.Units, a.rules.PostStratify).within(a.periods, in.Units)
	a.course = courseOf(in, a.rules)
	a.judge, a.broken = a.rules.judgeFor(a.course)
	r := Result{
		AnalysisVersion: Version, Position: strconv.FormatUint(uint64(in.Position), 10), Project: string(e.Project), Alpha: a.rules.Alpha,
		Experiment: Experiment{
			Key: string(e.Key), Name: e.Name, Status: string(e.Status), Hypothesis: e.Plan.Hypothesis, Flag: string(e.Plan.Flag),
			Environment: string(e.Plan.Environment), UnitType: string(e.Plan.Unit), UnitBy: e.Plan.By, PlannedEnd: e.Plan.PlannedEnd,
			StartedAt: in.StartedAt, StoppedAt: in.StoppedAt, DecidedAt: in.DecidedAt, Decision: e.Decision, Amendments: in.Amendments,
		},
		Weighings: in.Weighings,
		Data: Data{
			FirstExposure: in.Now.FirstExposure, LastExposure: in.Now.LastExposure,
			AssumedTimes: in.Now.AssumedTimes, UnknownVariantUnits: in.Now.UnknownVariant,
		},
	}
	now, shares := unitsByArm(in.Now, len(e.Plan.Arms)), a.shares()
	for i, arm := range e.Plan.Arms {
		r.Arms = append(r.Arms, Arm{
			Variant: string(arm.Variant), Control: i == 0, ExpectedShare: shares[i], Units: now[i],
		})
	}
	a.measure(&r)
	a.family(&r)
	a.run(&r)
	r.Plan = a.plan()
	r.Looks = a.looks(r)
	r.Segments = a.segments()
	r.Health = a.health(r, now)
	r.Verdict = a.verdict(r)
	r.Bandit = a.thompson(r)
	return r
}

// analyst is one analysis being made.
type analyst struct {
	in      Input
	rules   rules
	layout  layout
	strata  strata
	periods periods
	course  course
	judge   judge
	broken  error // why there is no judge
	rows    [][]int32
	// made are the comparisons by metric and treatment arm, as they are before any rule judges them.
	made [][]comparison
	// metrics are the prepared ones; nil for one that cannot be.
	metrics []*prepared
}

// comparison is an arm against the control before a rule judges it.
type comparison struct {
	pair
	err error
}

func (a *analyst) definition(i int) metric.Definition {
	return a.in.Metrics[a.in.Experiment.Plan.Metrics()[i]].Definition
}

// measure makes every metric's numbers. Whatever is wrong with one stays in it.
func (a *analyst) measure(r *Result) {
	for i, key := range a.in.Experiment.Plan.Metrics() {
		state := a.in.Metrics[key]
		d := state.Definition
		m := Metric{
			Key: string(key), Name: state.Name, Role: roleOf(a.in.Experiment.Plan, i), Kind: string(d.Kind), Direction: string(d.Direction),
			Test: string(a.rules.TestOf(key)), Unit: d.Unit, WindowSecs: d.WindowSeconds, UnitsWithoutExposure: a.in.Units.WithoutExposure[a.layout.of[i].value], Comparisons: []Effect{},
		}
		if m.Name == "" {
			m.Name = string(key)
		}
		p, made := a.compare(&m, d, a.layout.of[i])
		if p != nil {
			m.Capped, m.Notes = p.capped, p.notes
			m.Adjusted = adjustedOf(a.layout.of[i].names, a.in.Experiment.Plan.Arms, made)
			m.Stratified = a.stratifiedOf(made)
		}
		a.made, a.metrics = append(a.made, made), append(a.metrics, p)
		r.Metrics = append(r.Metrics, m)
	}
}

// compare sums a metric up over the arms, and makes its comparisons before any rule judges them. A metric that cannot be prepared has
// nil for one, and the reason in every comparison.
func (a *analyst) compare(m *Metric, d metric.Definition, c columns) (*prepared, []comparison) {
	arms := a.in.Experiment.Plan.Arms
	made, summaries := make([]comparison, len(arms)), make([]summary, len(arms))
	p, err := prepare(a.in.Units, d, c, a.rules)
	if err == nil {
		p.primary = m.Role == Primary
		a.choose(p, domain.MetricKey(m.Key))
	}
	for arm := 0; arm < len(arms) && err == nil; arm++ {
		summaries[arm], err = p.summarize(a.rows[arm])
	}
	for arm, v := range arms {
		if err != nil {
			m.Arms = append(m.Arms, MetricArm{Variant: string(v.Variant), Units: int64(len(a.rows[arm]))})
			made[arm].err = err
			continue
		}
		m.Arms = append(m.Arms, p.figures(string(v.Variant), summaries[arm]))
		if arm > 0 {
			made[arm].pair, made[arm].err = p.compare(summaries[0], summaries[arm])
		}
	}
	return p, made
}

// place is a comparison: a metric of the plan and a treatment arm.
type place struct{ metric, arm int }

// family judges the comparisons: those that belong to the family at the levels that the correction leaves them, the others at
// alpha, guardrails by tests of their own.
func (a *analyst) family(r *Result) {
	for i := range r.Metrics {
		for arm := 1; arm < len(a.made[i]); arm++ {
			r.Metrics[i].Comparisons = append(r.Metrics[i].Comparisons, a.effect(r, i, arm, a.rules.Alpha))
		}
	}
	if a.rules.old {
		return
	}
	places, ps, lnPs := a.together(r)
	levels, err := stats.Levels(a.rules.correction(), ps, a.rules.Alpha)
	adjusted, failed := a.rules.adjust(ps, lnPs)
	if errors.Join(err, failed) != nil {
		return
	}
	for n, at := range places {
		e := &r.Metrics[at.metric].Comparisons[at.arm-1]
		if e.Problem == "" {
			*e = a.effect(r, at.metric, at.arm, levels[n])
		}
		if e.Problem == "" {
			e.Level, e.AdjustedP, e.Family = &levels[n], &adjusted[n], string(a.rules.Scope)
		}
	}
}

// together are the comparisons of the family, their p values and the logarithms of these. One that cannot be made was planned, so it counts, as one that shows
// nothing.
func (a *analyst) together(r *Result) (places []place, ps, lnPs []float64) {
	for i := range r.Metrics {
		if !a.rules.inFamily(r.Metrics[i].Role) {
			continue
		}
		for arm := 1; arm < len(a.made[i]); arm++ {
			p, lnP := a.pOf(a.made[i][arm])
			if guard := r.Metrics[i].Comparisons[arm-1].Guard; guard != nil {
				p, lnP = guard.HarmP, r.Metrics[i].Comparisons[arm-1].LnP // the claim that could be false is that of harm
			}
			places, ps, lnPs = append(places, place{i, arm}), append(ps, p), append(lnPs, lnP)
		}
	}
	return places, ps, lnPs
}

func (a *analyst) pOf(c comparison) (p, lnP float64) {
	if c.err != nil || a.broken != nil {
		return 1, 0
	}
	e, _, err := a.judged(c, a.rules.Alpha)
	if err != nil {
		return 1, 0
	}
	return e.P, e.LnP
}

// effect is a comparison judged at a level.
func (a *analyst) effect(r *Result, i, arm int, level float64) Effect {
	m, c := &r.Metrics[i], a.made[i][arm]
	out := Effect{Variant: m.Arms[arm].Variant, Control: m.Arms[0].Variant}
	d := a.definition(i)
	err := c.err
	if err == nil {
		err = a.broken
	}
	if err == nil && m.Role == Guardrail && !a.rules.old {
		return a.guardrail(out, d, c, a.marginOf(domain.MetricKey(m.Key), d), level)
	}
	var (
		effect stats.Effect
		name   string
	)
	if err == nil {
		effect, name, err = a.judged(c, level)
	}
	if err != nil {
		return Effect{Variant: out.Variant, Control: out.Control, Problem: sentence(err), P: 1}
	}
	out = told(out, effect)
	out.Rule, out.Warnings = name, effect.Warnings
	out.Word = wordOf(out.Difference.Interval, effect.Difference, d.Direction)
	if math.Abs(effect.Statistic) <= effect.Critical {
		out.Word = Unclear // only where test and interval come from different families do they differ
	}
	if c.exact != nil {
		out.Exact = &ExactP{Method: "exact conditional test of two Poisson rates, mid-p", P: c.exact.MidP, LnP: c.exact.LnMidP}
		if c.isRate {
			out.Exact.Method = "Fisher's exact test, mid-p"
		}
	}
	if c.ranks != nil {
		out.Rank, out.Exact = rankOf(c.ranks, effect)
	}
	if c.pooled != nil {
		out.Pooled = &PooledZ{SE: c.pooled.SE, Z: c.pooled.Z, P: c.pooled.P}
	}
	if m.Role == Primary && !a.rules.old {
		out.Target = a.target(d, out)
		out.Bayesian = a.bayesian(d, c)
	}
	return out
}

// told writes a judged effect into the answer.
func told(out Effect, e stats.Effect) Effect {
	out.Method, out.Statistic, out.Critical, out.P, out.LnP = e.Method, e.Statistic, e.Critical, e.P, e.LnP
	out.Difference = &Estimate{Value: e.Difference, SE: e.SE, Interval: Interval{Low: e.Low, High: e.High}}
	if finite(e.DF) {
		df := e.DF
		out.DF = &df
	}
	out.Relative = relativeOf(e.Relative)
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

func wordOf(i Interval, difference float64, d metric.Direction) Word {
	switch {
	case i.Low <= 0 && i.High >= 0:
		return Unclear
	case (difference > 0) == (d == metric.Increase):
		return Better
	default:
		return Worse
	}
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

// rowsByArm are the rows of the table by arm, each in the table's order.
func rowsByArm(u *facts.Units, arms int) [][]int32 {
	out := make([][]int32, arms)
	for arm, n := range unitsByArm(u, arms) {
		out[arm] = make([]int32, 0, n)
	}
	for row, arm := range u.Arm {
		out[arm] = append(out[arm], int32(row))
	}
	return out
}

func unitsByArm(u *facts.Units, arms int) []int64 {
	out := make([]int64, arms)
	for _, arm := range u.Arm {
		out[arm]++
	}
	return out
}
