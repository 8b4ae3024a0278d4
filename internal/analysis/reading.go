package analysis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/projections/facts"
)

// Asked says who wants a reading.
type Asked int

// Who wants it.
const (
	BySchedule Asked = iota + 1 // take it only when a planned look is due
	BySomebody                  // take it now
)

// Settling is how long after an instant its facts may still be on their way; a planned look waits for them.
const Settling = 10 * time.Second

// Take makes the reading of an experiment at a position and an instant. ok is false when none is to be taken: no planned look is due,
// or there is nothing to compare yet. Whether it is recorded is for the experiment to decide.
func (s Sources) Take(ctx context.Context, in domain.ProjectKey, key domain.ExperimentKey, at facts.Position, now time.Time, asked Asked) (reading experiment.Reading, ok bool, err error) {
	e, course, ok := s.Catalog.ExperimentAt(in, key, at)
	if !ok || e.State.Status == experiment.StatusDraft {
		return experiment.Reading{}, false, nil
	}
	look, due, err := s.due(ctx, e.State, course.StartedAt, course.StoppedAt, at, now.UTC(), asked)
	if err != nil || !due {
		return experiment.Reading{}, false, err
	}
	input, ok, err := s.Read(ctx, in, key, at, &look)
	if err != nil || !ok {
		return experiment.Reading{}, false, err
	}
	return input.reading(Analyze(input))
}

// due is the look that is to be taken at an instant, if any.
func (s Sources) due(ctx context.Context, state experiment.State, startedAt, stoppedAt time.Time, at facts.Position, now time.Time, asked Asked) (look NewLook, due bool, err error) {
	a := state.Plan.Analysis
	look = NewLook{At: now.Truncate(time.Millisecond), Fraction: 1}
	if asked == BySchedule {
		now = now.Add(-Settling)
	}
	until := now
	if !stoppedAt.IsZero() && stoppedAt.Before(until) {
		until = stoppedAt
	}
	if !a.Method.AlwaysValid() {
		var units int64
		if a.PlannedUnits > 0 { // else time alone tells, and nothing has to be counted
			if units, err = s.count(ctx, state, at); err != nil {
				return look, false, err
			}
		}
		look.Fraction = Fraction(state.Plan, startedAt, until, units)
	}
	look.Final = a.Method == experiment.GroupSequential && look.Fraction >= 1
	if asked == BySomebody {
		return look, true, nil
	}
	look.Planned, due = scheduled(state, startedAt, stoppedAt, now, look.Fraction)
	return look, due, nil
}

// count is the number of units in the arms.
func (s Sources) count(ctx context.Context, state experiment.State, at facts.Position) (int64, error) {
	q := Query(Input{Experiment: state, Position: at, Look: &NewLook{}})
	q.Metrics, q.Dimensions = nil, nil
	u, err := s.Facts.Units(ctx, q)
	if err != nil {
		return 0, fmt.Errorf("counting the units of the experiment: %w", err)
	}
	return int64(len(u.Arm)), nil
}

// scheduled says which planned look is due. A stopped experiment gets one more, which closes it; one without planned looks that is
// valid at every moment gets one a day, so that its course can be told.
func scheduled(state experiment.State, startedAt, stoppedAt, now time.Time, fraction float64) (planned int, due bool) {
	last := state.LastReading()
	if state.Status == experiment.StatusStopped {
		closed := last != nil && (last.Final || !last.At.Before(stoppedAt))
		return 0, !closed && !now.Before(stoppedAt) && state.Plan.Analysis.Method != ""
	}
	switch state.Plan.Analysis.Method {
	case experiment.GroupSequential:
		planned = Due(state.Plan.Analysis, state.Readings, fraction)
	case experiment.ConfidenceSequence, experiment.MixtureSPRT:
		planned = int(now.Sub(startedAt) / day)
		if last != nil && last.Planned >= planned {
			planned = 0
		}
	case experiment.Fixed:
		if fraction >= 1 && last == nil && !state.Plan.PlannedEnd.IsZero() {
			planned = 1
		}
	}
	return planned, planned > 0 && state.Status == experiment.StatusRunning
}

// reading is what a result says, as it is recorded. ok is false when nothing could be compared.
func (in Input) reading(r Result) (experiment.Reading, bool, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return experiment.Reading{}, false, fmt.Errorf("writing the result of a reading: %w", err)
	}
	sum := sha256.Sum256(text)
	out := experiment.Reading{
		Planned: in.Look.Planned, Position: uint64(in.Position), At: in.Look.At, Fraction: in.Look.Fraction, Final: in.Look.Final,
		AnalysisVersion: Version, Verdict: string(r.Verdict.Outcome), Variant: domain.VariantKey(r.Verdict.Variant), Hash: hex.EncodeToString(sum[:]),
		Units: []int64{}, Comparisons: []experiment.Compared{},
	}
	for _, arm := range r.Arms {
		out.Units = append(out.Units, arm.Units)
	}
	primary := r.Metrics[0]
	for i, e := range primary.Comparisons {
		if e.Problem != "" {
			continue
		}
		level := r.Alpha
		if e.Level != nil {
			level = *e.Level
		}
		out.Comparisons = append(out.Comparisons, experiment.Compared{
			Metric: domain.MetricKey(primary.Key), Variant: domain.VariantKey(e.Variant), Control: sumsOf(primary.Arms[0]), Treatment: sumsOf(primary.Arms[i+1]),
			Difference: e.Difference.Value, SE: e.Difference.SE, Statistic: e.Statistic, Boundary: e.Critical, P: e.P, Crossed: e.Word != Unclear,
			LnP: e.LnP, Level: level, Low: e.Difference.Interval.Low, High: e.Difference.Interval.High,
		})
	}
	return out, len(out.Comparisons) > 0, nil
}

func sumsOf(a MetricArm) experiment.Sums {
	return experiment.Sums{Units: a.Units, Sum: a.Sum, SumSquares: a.SumSquares}
}
