package provider

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assayhq/assay/flags"
)

// reporter notes facts and sends them in batches. Noting never makes an app wait for more than a mutex that nobody holds for
// long.
type reporter struct {
	provider     *Provider
	exposures    queue[exposure]
	measurements queue[measurement]
	seen         *seenSet
	full         chan struct{} // a batch is full
	sending      gate          // held while batches are on their way
	process      string        // random, so that this process's measurements have ids of their own
	counter      atomic.Uint64
	dropped      atomic.Int64

	mu       sync.Mutex // guards what follows
	sent     int64
	rejected int64
	refusal  string
}

// exposure and measurement are the items of the ingestion API.
type exposure struct {
	EventID    string         `json:"event_id"`
	Type       string         `json:"type"`
	Experiment string         `json:"experiment_key"`
	Variant    string         `json:"variant"`
	UnitType   string         `json:"unit_type,omitempty"`
	UnitID     string         `json:"unit_id"`
	OccurredAt string         `json:"occurred_at"`
	Flag       string         `json:"flag_key"`
	Reason     string         `json:"reason"`
	Version    string         `json:"flag_version"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

type measurement struct {
	EventID    string         `json:"event_id"`
	Type       string         `json:"type"`
	Name       string         `json:"event_name"`
	UnitType   string         `json:"unit_type"`
	UnitID     string         `json:"unit_id"`
	OccurredAt string         `json:"occurred_at"`
	Value      float64        `json:"value"`
	Properties map[string]any `json:"properties,omitempty"`
}

func newReporter(p *Provider) *reporter {
	var process [8]byte
	rand.Read(process[:]) // it never returns an error
	return &reporter{
		provider: p, seen: newSeenSet(p.config.RememberExposures), full: make(chan struct{}, 1), sending: newGate(), process: hex.EncodeToString(process[:]),
		exposures: queue[exposure]{limit: p.config.QueueSize}, measurements: queue[measurement]{limit: p.config.QueueSize},
	}
}

// exposed notes an exposure unless it was noted before. One that finds the queue full is not remembered, so that a later
// evaluation can note it.
func (r *reporter) exposed(flag string, d flags.Decision, attributes map[string]any) {
	h := r.seen.hash(flag, d.Experiment, d.Variant, d.Unit, d.UnitID)
	if !r.seen.add(h) {
		return
	}
	x := exposure{
		Type: "exposure", Experiment: d.Experiment, Variant: d.Variant, UnitType: d.Unit, UnitID: d.UnitID, OccurredAt: stamp(time.Now()),
		Flag: flag, Reason: string(d.Reason), Version: strconv.FormatUint(d.Revision, 10),
	}
	for _, name := range r.provider.config.Attributes {
		if value, there := attributes[name]; there && isScalar(value) {
			if x.Attributes == nil {
				x.Attributes = map[string]any{}
			}
			x.Attributes[name] = value
		}
	}
	if !noted(r, &r.exposures, x) {
		r.seen.forget(h)
	}
}

// tracked notes a measurement; it keeps the attributes.
func (r *reporter) tracked(name, unit string, value float64, attributes map[string]any) {
	if unit == "" || name == "" || math.IsNaN(value) || math.IsInf(value, 0) {
		r.dropped.Add(1)
		return
	}
	for k, v := range attributes {
		if !isScalar(v) {
			delete(attributes, k)
		}
	}
	noted(r, &r.measurements, measurement{
		EventID: r.process + "-" + strconv.FormatUint(r.counter.Add(1), 36),
		Type:    "measurement", Name: name, UnitType: r.provider.config.UnitType, UnitID: unit, OccurredAt: stamp(time.Now()), Value: value, Properties: attributes,
	})
}

func noted[T any](r *reporter, q *queue[T], item T) bool {
	ok, batches := q.add(item)
	if !ok {
		r.dropped.Add(1)
	}
	if batches {
		select {
		case r.full <- struct{}{}:
		default:
		}
	}
	return ok
}

// stamp is the time in UTC to the millisecond, for exposures and measurements alike, so that what happens right after an
// exposure never looks earlier.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// name gives the exposure its id, the same for the same content: whoever reports the same thing, however often, reports one
// event. Two exposures of a unit in different milliseconds are two events, of which the analysis takes the first.
func (x *exposure) name() {
	text := fmt.Appendf(nil, "%q %q %q %q %q %q %q %q", x.Experiment, x.Variant, x.UnitType, x.UnitID, x.OccurredAt, x.Flag, x.Reason, x.Version)
	keys := make([]string, 0, len(x.Attributes))
	for k := range x.Attributes {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		text = fmt.Appendf(text, " %q=%T %v", k, x.Attributes[k], x.Attributes[k])
	}
	sum := sha256.Sum256(text)
	x.EventID = hex.EncodeToString(sum[:16])
}

func isScalar(value any) bool {
	switch v := value.(type) {
	case string, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return true
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case float32:
		return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
	}
	return false
}

// run sends batches until ctx ends: when one is full, and at the interval. After a failure it waits longer and longer, or as
// long as the server asks.
func (r *reporter) run(ctx context.Context) {
	pace := r.provider.pace
	ticker := time.NewTicker(r.provider.config.FlushInterval)
	defer ticker.Stop()
	backoff := pace.least
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.full:
		case <-ticker.C:
		}
		err := r.flush(ctx)
		if err == nil {
			backoff = pace.least
			continue
		}
		if !pause(ctx, jitter(max(backoff, askedWait(err)))) {
			return
		}
		backoff = min(2*backoff, pace.most)
	}
}

func (r *reporter) stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{
		Queued: r.exposures.len() + r.measurements.len(), Sent: r.sent, Rejected: r.rejected, Dropped: r.dropped.Load(), LastRefusal: r.refusal,
	}
}
