package archive

import (
	"context"
	"fmt"
	"slices"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/pebblelog"
	"github.com/assayhq/assay/projections"
)

// Report is what a check has seen.
type Report struct {
	Head    Head
	Trimmed int
	Faults  []pebblelog.Fault
	// Replayed names the read models whose state a replay has reproduced.
	Replayed []string
}

// mostFaults bounds a report; whoever has more needs a backup, not a list.
const mostFaults = 1_000

// Head is the end of a log, to be kept elsewhere: with it anybody can tell later that nothing up to there was changed, removed
// or added. It is the same for the same events on every engine but for Position, which is the engine's.
type Head struct {
	Events   int               `json:"events"`
	Position eventlog.Position `json:"position,string"`
	Chain    eventlog.Hash     `json:"chain"`
}

// HeadOf reads a log to its end.
func HeadOf(ctx context.Context, log eventlog.Log) (Head, error) {
	if embedded, ok := log.(*pebblelog.Log); ok {
		tip := embedded.Tip()
		return Head{Events: int(tip.Position), Position: tip.Position, Chain: tip.Chain}, ctx.Err() //nolint:gosec // it counts from 1 without gaps
	}
	var head Head
	for e, err := range eventlog.Entries(ctx, log, 0) {
		if err != nil {
			return head, err
		}
		head.add(e)
	}
	return head, nil
}

func (h *Head) add(e eventlog.Entry) {
	h.Events++
	h.Position = e.Position
	h.Chain = h.Chain.Link(e.Digest)
}

// Check reads the whole log and compares it with heads that were kept elsewhere. What is wrong with it is in the report; the
// error is that it could not be checked.
func Check(ctx context.Context, log eventlog.Log, anchors ...Head) (Report, error) {
	if embedded, ok := log.(*pebblelog.Log); ok {
		return checkEmbedded(ctx, embedded, anchors)
	}
	var r Report
	next := map[string]eventlog.Revision{}
	for e, err := range eventlog.Entries(ctx, log, 0) {
		if err != nil {
			return r, err
		}
		r.take(e, next)
		for _, a := range anchors {
			if a.Events == r.Head.Events && a.Chain != r.Head.Chain {
				r.anchored(e.Position, a)
			}
		}
	}
	for _, a := range anchors {
		if a.Events > r.Head.Events {
			r.fault(r.Head.Position, pebblelog.Missing, "the log has %d events, but the head kept elsewhere has %d", r.Head.Events, a.Events)
		}
	}
	return r, nil
}

// take counts an event and holds its revision against the next one of its stream.
func (r *Report) take(e eventlog.Entry, next map[string]eventlog.Revision) {
	r.Head.add(e)
	if e.Trimmed {
		r.Trimmed++
	}
	if e.Revision != next[e.Stream] {
		r.fault(e.Position, pebblelog.Missing, "stream %s goes on at revision %d, but its revision %d is missing (somebody removed it: retention leaves a record)", e.Stream, e.Revision, next[e.Stream])
	}
	next[e.Stream] = e.Revision + 1
}

func checkEmbedded(ctx context.Context, log *pebblelog.Log, anchors []Head) (Report, error) {
	var r Report
	seen, err := log.Verify(ctx, func(f pebblelog.Fault) {
		if len(r.Faults) < mostFaults {
			r.Faults = append(r.Faults, f)
		}
	})
	if err != nil {
		return r, err
	}
	r.Head = Head{Events: int(seen.Tip.Position), Position: seen.Tip.Position, Chain: seen.Tip.Chain} //nolint:gosec // it counts from 1 without gaps
	r.Trimmed = seen.Trimmed
	for _, a := range anchors {
		at := eventlog.Position(a.Events) //nolint:gosec // not negative, or beyond the head
		if a.Events < 0 || at > seen.Tip.Position {
			r.fault(seen.Tip.Position, pebblelog.Missing, "the log has %d events, but the head kept elsewhere has %d", seen.Tip.Position, a.Events)
			continue
		}
		chain, err := log.ChainAt(at)
		if err == nil && chain != a.Chain {
			r.anchored(at, a)
		}
	}
	return r, nil
}

func (r *Report) fault(p eventlog.Position, kind pebblelog.Kind, format string, args ...any) {
	if len(r.Faults) < mostFaults {
		r.Faults = append(r.Faults, pebblelog.Fault{Position: p, Kind: kind, Detail: fmt.Sprintf(format, args...)})
	}
}

func (r *Report) anchored(p eventlog.Position, a Head) {
	r.fault(p, pebblelog.Changed, "the %d events up to position %d are not those of the head kept elsewhere: at least one was changed, removed, added or exchanged", a.Events, p)
}

const batchRecords = 500

// Replay folds the log into fresh read models and compares their states with those of the manifest, each at its position. A
// state of another version of a read model cannot be compared and is left out.
func Replay(ctx context.Context, log eventlog.Log, states []State, models []projections.Hashed) (replayed []string, err error) {
	for _, m := range models {
		at := slices.IndexFunc(states, func(s State) bool { return s.Name == m.Name() && s.Version == m.Version() })
		if at < 0 {
			continue
		}
		if err := replay(ctx, log, m, states[at]); err != nil {
			return replayed, err
		}
		replayed = append(replayed, m.Name())
	}
	return replayed, nil
}

func replay(ctx context.Context, log eventlog.Log, m projections.Hashed, want State) error {
	if err := Fold(ctx, log, m, want.Position); err != nil {
		return err
	}
	position, hash, err := m.StateHash()
	if err != nil {
		return err
	}
	if position != want.Position || eventlog.Hash(hash) != want.Hash {
		return fmt.Errorf("a replay up to position %d makes another %s than the server had when the backup was made", want.Position, m.Name())
	}
	return nil
}

// Fold applies the log to a fresh read model, up to exactly the position.
func Fold(ctx context.Context, log eventlog.Log, m projections.Projection, to eventlog.Position) error {
	batch := make([]eventlog.Recorded, 0, batchRecords)
	for r, err := range log.All(ctx, 0, m.Filter()) {
		if err == nil && r.Position <= to && !r.IsCheckpoint() {
			batch = append(batch, r)
		}
		ends := r.Position >= to || r.IsCheckpoint()
		if ends {
			batch = append(batch, eventlog.Recorded{Position: to}) // a checkpoint
		}
		if err == nil && (ends || len(batch) >= batchRecords) {
			err = m.Apply(ctx, batch)
			batch = batch[:0]
		}
		if err != nil {
			return fmt.Errorf("replaying into %s: %w", m.Name(), err)
		}
		if ends {
			return nil
		}
	}
	return nil
}
