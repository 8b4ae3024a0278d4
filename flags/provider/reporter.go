package provider

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/assayhq/assay/flags"
)

// batchItems is the most the server takes at once.
const batchItems = 1_000

// reporter queues facts and sends them. It never makes an app wait for more than a mutex.
type reporter struct {
	config Config
	full   chan struct{} // a batch is full
	salt   string        // of this process, so that its event ids are its own

	sending sync.Mutex // held while a batch is on its way

	mu       sync.Mutex // guards what follows
	queue    []fact
	seen     map[exposureKey]struct{} // reported, newest generation
	seenOld  map[exposureKey]struct{} // and the one before it
	counter  uint64
	sent     int64
	rejected int64
	dropped  int64
}

type exposureKey struct{ flag, experiment, unit, variant string }

// fact is an exposure or a measurement as it was noticed; it becomes JSON when it is sent.
type fact struct {
	id       uint64
	exposure bool
	at       time.Time
	// experiment and variant of an exposure; name and value of a measurement.
	flag, experiment, variant, reason string
	unitType, unit                    string
	revision                          uint64
	name                              string
	value                             float64
	extra                             map[string]any
}

func newReporter(c Config) *reporter {
	var raw [16]byte
	rand.Read(raw[:]) // it never returns an error
	return &reporter{config: c, full: make(chan struct{}, 1), salt: hex.EncodeToString(raw[:]), seen: map[exposureKey]struct{}{}}
}

// exposed queues an exposure unless it was reported before.
func (r *reporter) exposed(flag string, d flags.Decision, attributes map[string]any) {
	key := exposureKey{flag, d.Experiment, d.UnitID, d.Variant}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.seen[key]; again {
		return
	}
	if _, again := r.seenOld[key]; again {
		return
	}
	f := fact{
		exposure: true, at: time.Now(), flag: flag, experiment: d.Experiment, variant: d.Variant, reason: string(d.Reason),
		unitType: d.Unit, unit: d.UnitID, revision: d.Revision,
	}
	for _, name := range r.config.Attributes {
		if value, there := attributes[name]; there && isScalar(value) {
			if f.extra == nil {
				f.extra = map[string]any{}
			}
			f.extra[name] = value
		}
	}
	if !r.add(f) {
		return // not remembered either, so a later evaluation reports it
	}
	if len(r.seen) >= r.config.RememberExposures/2 {
		r.seen, r.seenOld = map[exposureKey]struct{}{}, r.seen
	}
	r.seen[key] = struct{}{}
}

// tracked queues a measurement.
func (r *reporter) tracked(name, unit string, value float64, attributes map[string]any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if unit == "" || name == "" || math.IsNaN(value) || math.IsInf(value, 0) {
		r.dropped++
		return
	}
	f := fact{at: time.Now(), name: name, unit: unit, value: value}
	for k, v := range attributes {
		if isScalar(v) {
			if f.extra == nil {
				f.extra = map[string]any{}
			}
			f.extra[k] = v
		}
	}
	r.add(f)
}

func (r *reporter) add(f fact) bool {
	if len(r.queue) >= r.config.QueueSize {
		r.dropped++
		return false
	}
	r.counter++
	f.id = r.counter
	r.queue = append(r.queue, f)
	if len(r.queue) >= batchItems {
		select {
		case r.full <- struct{}{}:
		default:
		}
	}
	return true
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

// run sends batches until ctx ends: when one is full, and at the interval.
func (r *reporter) run(ctx context.Context) {
	ticker := time.NewTicker(r.config.FlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.full:
		case <-ticker.C:
		}
		wait := time.Duration(0)
		if err := r.flush(ctx); err != nil && ctx.Err() == nil {
			wait = leastBackoff * 5
			if refused, ok := errors.AsType[*refusedError](err); ok && refused.wait > wait {
				wait = refused.wait
			}
		}
		if wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
		}
	}
}

// flush sends what waits now. What could not be sent waits on, and the error says how much.
func (r *reporter) flush(ctx context.Context) error {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.mu.Lock()
	waiting := len(r.queue)
	r.mu.Unlock()
	// What comes meanwhile waits for the next time, or a steady trickle would be sent in ever so many small batches.
	for waiting > 0 {
		r.mu.Lock()
		batch := r.queue[:min(waiting, batchItems)]
		r.mu.Unlock()
		waiting -= len(batch)
		if err := r.sendBatch(ctx, batch); err != nil {
			if refused, ok := errors.AsType[*refusedError](err); !ok || refused.again() {
				return fmt.Errorf("%d facts could not be sent: %w", r.stats().Queued, err)
			}
			// The server will never take this batch; it must not stand in the way of the next.
			r.note(0, int64(len(batch)))
		}
		r.mu.Lock()
		r.queue = append([]fact(nil), r.queue[len(batch):]...)
		r.mu.Unlock()
	}
	return nil
}

// again reports whether the same batch may be taken later.
func (e *refusedError) again() bool {
	return e.status >= 500 || e.status == http.StatusTooManyRequests || e.status == http.StatusRequestTimeout || e.forKey()
}

// sendBatch sends exposures and measurements, each to its endpoint. Sending twice is harmless: every fact has an event_id.
func (r *reporter) sendBatch(ctx context.Context, batch []fact) error {
	var exposures, measurements []map[string]any
	for _, f := range batch {
		if f.exposure {
			exposures = append(exposures, r.exposureItem(f))
		} else {
			measurements = append(measurements, r.measurementItem(f))
		}
	}
	if err := r.post(ctx, "/api/v1/exposures", exposures); err != nil {
		return err
	}
	return r.post(ctx, "/api/v1/measurements", measurements)
}

func (r *reporter) post(ctx context.Context, path string, items []map[string]any) error {
	if len(items) == 0 {
		return nil
	}
	body, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return fmt.Errorf("encoding facts: %w", err)
	}
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(bounded, http.MethodPost, r.config.URL+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the URL of the assay server is wrong: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := send(r.config, request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // the body was read; closing it cannot take anything back
	var outcome struct {
		Accepted   int64 `json:"accepted"`
		Duplicates int64 `json:"duplicates"`
		Rejected   int64 `json:"rejected"`
	}
	if err := json.NewDecoder(response.Body).Decode(&outcome); err != nil {
		return fmt.Errorf("the assay server answered something else than expected: %w", err)
	}
	r.note(outcome.Accepted+outcome.Duplicates, outcome.Rejected)
	return nil
}

func (r *reporter) note(sent, rejected int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent += sent
	r.rejected += rejected
}

func (r *reporter) stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{Queued: len(r.queue), Sent: r.sent, Rejected: r.rejected, Dropped: r.dropped}
}

func (r *reporter) exposureItem(f fact) map[string]any {
	item := map[string]any{
		"event_id": r.eventID(f), "type": "exposure", "experiment_key": f.experiment, "variant": f.variant, "unit_type": f.unitType,
		"unit_id": f.unit, "occurred_at": stamp(f.at), "flag_key": f.flag, "reason": f.reason, "flag_version": fmt.Sprint(f.revision),
	}
	if f.extra != nil {
		item["attributes"] = f.extra
	}
	return item
}

func (r *reporter) measurementItem(f fact) map[string]any {
	item := map[string]any{
		"event_id": r.eventID(f), "type": "measurement", "event_name": f.name, "unit_id": f.unit, "occurred_at": stamp(f.at), "value": f.value,
	}
	if f.extra != nil {
		item["properties"] = f.extra
	}
	return item
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// eventID names the fact for ever: the same however often it is sent, another in every process.
func (r *reporter) eventID(f fact) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", r.salt, f.id))
	return hex.EncodeToString(sum[:16])
}
