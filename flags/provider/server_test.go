package provider_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/assayhq/assay/flags"
)

// server is a stand-in for the part of an assay server that providers talk to, with a switch for each way it can fail.
type server struct {
	*httptest.Server

	mu       sync.Mutex
	snapshot flags.Snapshot
	raw      []byte                      // served instead of snapshot when not nil
	down     bool                        // every connection breaks
	refuse   map[string]int              // path to status
	hang     map[string]struct{}         // path: no answer ever
	mute     bool                        // streams send nothing at all
	deltas   bool                        // streams tell what changes
	past     map[uint64]flags.Snapshot   // by revision
	twist    func(*change)               // makes a lie of a delta
	lie      map[string]http.HandlerFunc // path: answers instead of the server
	streams  map[chan struct{}]struct{}
	gone     chan struct{} // closed when the streams must break
	asked    map[string]int
	items    map[string][]map[string]any // path to what was taken in
	known    map[any]bool                // by event_id
	batches  []int
	reject   func(item map[string]any) string
	wait     int // Retry-After of refusals
}

const (
	rulesetPath      = "/api/v1/ruleset"
	changesPath      = "/api/v1/ruleset/changes"
	exposuresPath    = "/api/v1/exposures"
	measurementsPath = "/api/v1/measurements"
)

func newServer(t testing.TB, all ...flags.Flag) *server {
	s := &server{
		snapshot: flags.Snapshot{Format: flags.Format, Project: "shop", Environment: "production", Revision: 10, Flags: all},
		refuse:   map[string]int{}, hang: map[string]struct{}{}, lie: map[string]http.HandlerFunc{}, past: map[uint64]flags.Snapshot{}, streams: map[chan struct{}]struct{}{}, gone: make(chan struct{}),
		asked: map[string]int{}, items: map[string][]map[string]any{}, known: map[any]bool{},
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.with(func() { close(s.gone); s.gone = make(chan struct{}) })
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// with changes how the server behaves.
func (s *server) with(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// publish serves another state of the flags and tells the streams.
func (s *server) publish(revision uint64, all ...flags.Flag) {
	s.with(func() {
		s.past[s.snapshot.Revision] = s.snapshot
		s.snapshot.Revision, s.snapshot.Flags = revision, all
		for c := range s.streams {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	})
}

// die breaks all connections, and every new one, until live.
func (s *server) die() {
	s.with(func() {
		s.down = true
		close(s.gone)
		s.gone = make(chan struct{})
	})
}

func (s *server) live() { s.with(func() { s.down = false }) }

func (s *server) taken(path string) []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.items[path])
}

func (s *server) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked[r.URL.Path]++
	down, status, wait := s.down, s.refuse[r.URL.Path], s.wait
	_, hang := s.hang[r.URL.Path]
	gone, lie := s.gone, s.lie[r.URL.Path]
	s.mu.Unlock()
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case hang:
		select {
		case <-r.Context().Done():
		case <-gone:
		}
	case lie != nil:
		lie(w, r)
	case r.Header.Get("Authorization") != "Bearer key-1":
		problem(w, http.StatusUnauthorized, wait)
	case status != 0:
		problem(w, status, wait)
	case r.URL.Path == rulesetPath && r.Method == http.MethodGet:
		s.serveRuleset(w, r)
	case r.URL.Path == changesPath && r.Method == http.MethodGet:
		s.serveChanges(w, r, gone)
	case r.Method == http.MethodPost:
		s.ingest(w, r)
	default:
		problem(w, http.StatusNotFound, 0)
	}
}

func problem(w http.ResponseWriter, status, wait int) {
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":%d,"detail":"this is refused in a test"}`, status)
}

func (s *server) serveRuleset(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	text, tag := s.raw, fmt.Sprintf(`"rs-%d"`, s.snapshot.Revision)
	if text == nil {
		text, _ = json.Marshal(s.snapshot)
	}
	s.mu.Unlock()
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(text)
}

func (s *server) serveChanges(w http.ResponseWriter, r *http.Request, gone chan struct{}) {
	changes := make(chan struct{}, 1)
	s.with(func() { s.streams[changes] = struct{}{} })
	defer s.with(func() { delete(s.streams, changes) })
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	last := r.Header.Get("Last-Event-ID")
	heartbeat := time.NewTicker(20 * time.Millisecond)
	defer heartbeat.Stop()
	for {
		s.mu.Lock()
		revision, mute := strconv.FormatUint(s.snapshot.Revision, 10), s.mute
		s.mu.Unlock()
		if !mute {
			fmt.Fprint(w, ": \n\n")
			if revision != last {
				fmt.Fprint(w, s.event(last, r.URL.Query().Get("deltas") == "true"))
				last = revision
			}
		}
		if control.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-gone:
			panic(http.ErrAbortHandler)
		case <-changes:
		case <-heartbeat.C:
		}
	}
}

// change is the data of a delta event.
type change struct {
	Delta flags.Delta `json:"delta"`
	ETag  string      `json:"etag"`
	Sum   uint64      `json:"sum,string"`
}

// event is what a stream tells somebody who has the revision last.
func (s *server) event(last string, deltas bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.snapshot.Revision
	since, _ := strconv.ParseUint(last, 10, 64)
	was, known := s.past[since]
	if !deltas || !s.deltas || !known {
		return fmt.Sprintf("retry: 1000\nevent: ruleset\nid: %d\ndata: {\"revision\":\"%d\"}\n\n", now, now)
	}
	rules, _ := flags.Compile(s.snapshot)
	c := change{ETag: fmt.Sprintf(`"rs-%d"`, now), Sum: rules.Sum(), Delta: flags.Delta{
		Format: flags.Format, Project: s.snapshot.Project, Environment: s.snapshot.Environment, Since: since, Revision: now,
	}}
	keep := map[string]uint64{}
	for _, f := range s.snapshot.Flags {
		keep[f.Key] = f.Revision
		if f.Revision > since {
			c.Delta.Flags = append(c.Delta.Flags, f)
		}
	}
	for _, f := range was.Flags {
		if _, there := keep[f.Key]; !there {
			c.Delta.FlagsGone = append(c.Delta.FlagsGone, f.Key)
		}
	}
	if s.twist != nil {
		s.twist(&c)
	}
	text, _ := json.Marshal(c)
	return fmt.Sprintf("event: delta\nid: %d\ndata: %s\n\n", now, text)
}

func (s *server) ingest(w http.ResponseWriter, r *http.Request) {
	var batch struct {
		Items []map[string]any `json:"items"`
	}
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil || len(batch.Items) == 0 || len(batch.Items) > 1_000 {
		problem(w, http.StatusBadRequest, 0)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, len(batch.Items))
	told := map[string]any{}
	accepted, duplicates := 0, 0
	var outcomes []map[string]any
	for i, item := range batch.Items {
		why := ""
		if s.reject != nil {
			why = s.reject(item)
		}
		switch {
		case why != "":
			outcomes = append(outcomes, map[string]any{"index": i, "status": "rejected", "code": why, "detail": "in a test"})
		case s.known[item["event_id"]]:
			duplicates++
		default:
			accepted++
			s.known[item["event_id"]] = true
			s.items[r.URL.Path] = append(s.items[r.URL.Path], item)
		}
	}
	told["accepted"], told["duplicates"], told["rejected"], told["items"] = accepted, duplicates, len(outcomes), outcomes
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	json.NewEncoder(w).Encode(told)
}
