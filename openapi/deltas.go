package openapi

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/ruleset"
)

// mostInDelta is what a delta may weigh in a stream. Whoever lacks more loads the whole.
const mostInDelta = 1 << 20

// deltaEvents makes the events of streams with deltas. Many clients lack the same, so the latest are made once.
type deltaEvents struct {
	mu     sync.Mutex
	latest map[deltaKey]func() string
}

// deltaKey is from where to where an event leads.
type deltaKey struct {
	place ruleset.Place
	since uint64
	to    uint64
}

// mostDeltas bounds the events that are kept. Clients that follow lack the same; only those that come back differ.
const mostDeltas = 64

// event is what a stream with deltas tells a client whose newest id is last.
func (d *deltaEvents) event(now *ruleset.Served, last string) string {
	since, err := strconv.ParseUint(last, 10, 64)
	if err != nil {
		return wordOf(now, last)
	}
	key := deltaKey{now.Place, since, uint64(now.Revision)}
	d.mu.Lock()
	made, known := d.latest[key]
	if !known {
		if d.latest == nil || len(d.latest) >= mostDeltas {
			d.latest = map[deltaKey]func() string{}
		}
		made = sync.OnceValue(func() string { return deltaEvent(now, since) })
		d.latest[key] = made
	}
	d.mu.Unlock()
	return made()
}

func deltaEvent(now *ruleset.Served, since uint64) string {
	delta, known := now.Since(projections.Position(since))
	if !known {
		return wordOf(now, "")
	}
	text, err := json.Marshal(struct {
		ETag  string      `json:"etag"`
		Sum   uint64      `json:"sum,string"`
		Delta flags.Delta `json:"delta"`
	}{now.ETag, now.Ruleset.Sum(), delta})
	if err != nil || len(text) > mostInDelta {
		return wordOf(now, "")
	}
	return fmt.Sprintf("event: delta\nid: %s\ndata: %s\n\n", idOf(now), text)
}

// rulesetPieces is the answer of GetRuleset for a large one.
type rulesetPieces struct {
	served  *ruleset.Served
	timeout time.Duration
}

// VisitGetRulesetResponse writes the answer.
func (r rulesetPieces) VisitGetRulesetResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", r.served.ETag)
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	defer control.SetWriteDeadline(time.Time{}) //nolint:errcheck // the connection goes on to serve others, without a bound
	out := bufio.NewWriterSize(&patientWriter{w, control, r.timeout}, 64<<10)
	if err := r.served.Write(out); err != nil {
		return err
	}
	return out.Flush()
}

// patientWriter gives every piece its time, so that a slow client may take long and one that never reads may not.
type patientWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// Write writes a piece.
func (p *patientWriter) Write(text []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(p.timeout)) // a writer without deadlines, as in tests, is fine
	return p.w.Write(text)
}
