package openapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/openapi"
)

// memoryStore is a log in memory as operators see it: its chain is real, its backup is a word.
type memoryStore struct {
	log    eventlog.Log
	status openapi.StoreStatus // what differs from a healthy one
	faults []openapi.StoreFault
	fail   error // of a backup
	after  bool  // fail after the first bytes
}

func (m *memoryStore) Status() openapi.StoreStatus {
	s := m.status
	if s.State == "" {
		s.State = openapi.StoreWritable
	}
	s.Engine = "embedded"
	for e, err := range eventlog.Entries(context.Background(), m.log, 0) {
		if err != nil {
			break
		}
		s.Events++
		s.Position, s.RecordedAt = e.Position, e.RecordedAt
	}
	s.Chain = m.chain()
	return s
}

func (m *memoryStore) chain() string {
	var chain eventlog.Hash
	for e, err := range eventlog.Entries(context.Background(), m.log, 0) {
		if err == nil {
			chain = chain.Link(e.Digest)
		}
	}
	return chain.String()
}

func (m *memoryStore) Verify(_ context.Context, found func(openapi.StoreFault)) (openapi.StoreVerified, error) {
	for _, f := range m.faults {
		found(f)
	}
	s := m.Status()
	return openapi.StoreVerified{Position: s.Position, Chain: s.Chain, Events: int(s.Events)}, nil
}

func (m *memoryStore) Backup(_ context.Context, out io.Writer) error {
	if m.fail != nil && !m.after {
		return m.fail
	}
	if _, err := io.WriteString(out, "a backup"); err != nil {
		return err
	}
	return m.fail
}

// A log that takes no writes makes the server degraded, not unready: decisions and reads go on. Only admins hear why.
func TestHealthTellsOfTheLogWithoutItsFolder(t *testing.T) {
	for name, c := range map[string]struct {
		status openapi.StoreStatus
		want   string
	}{
		"read-only": {openapi.StoreStatus{State: "read-only", Reason: "writing to /secret/folder failed"}, "the log is read-only; decisions and reads go on"},
		"full":      {openapi.StoreStatus{State: "full", Reason: "/secret/folder is full"}, "the log is full; decisions and reads go on"},
		"slow":      {openapi.StoreStatus{Reason: "the disk has not answered for 3s"}, "writing to the log is slow"},
	} {
		t.Run(name, func(t *testing.T) {
			var store *memoryStore
			w := newWorld(t, func(d *openapi.Dependencies) { store = d.Store.(*memoryStore); store.status = c.status })
			ready := w.do(call{method: "GET", path: "/readyz", key: "-"})
			if body := ready.Body.String(); ready.Code != 200 || !strings.Contains(body, `"status":"degraded"`) || !strings.Contains(body, c.want) || strings.Contains(body, "secret") {
				t.Errorf("health answers %d %s", ready.Code, body)
			}
			log := w.do(call{method: "GET", path: "/api/v1/log"})
			if body := log.Body.String(); log.Code != 200 || !strings.Contains(body, c.status.Reason) {
				t.Errorf("the log answers %d %s", log.Code, body)
			}
		})
	}
}

func TestFaultsAreNamedByPosition(t *testing.T) {
	w := newWorld(t, func(d *openapi.Dependencies) {
		store := d.Store.(*memoryStore)
		for range 1_200 {
			store.faults = append(store.faults, openapi.StoreFault{Position: 7, Kind: "changed", Detail: "the event at position 7 is another"})
		}
	})
	answer := w.do(call{method: "GET", path: "/api/v1/log/verification"})
	if body := answer.Body.String(); answer.Code != 200 || strings.Count(body, `{"detail":"the event at position 7 is another","kind":"changed","position":"7"}`) != 1_000 {
		t.Errorf("got %d and %d faults, want the first 1,000", answer.Code, strings.Count(body, "changed"))
	}
}

func TestABackupThatFailsIsNotTakenForOne(t *testing.T) {
	var store *memoryStore
	w := newWorld(t, func(d *openapi.Dependencies) { store = d.Store.(*memoryStore) })
	get := call{method: "GET", path: "/api/v1/log/backup"}
	if answer := w.do(get); answer.Code != 200 || answer.Body.String() != "a backup" || answer.Header().Get("Content-Type") != "application/x-tar" {
		t.Errorf("a backup answers %d %s", answer.Code, answer.Body)
	}
	store.fail = openapi.ErrNoBackup
	if answer := w.do(get); answer.Code != 409 || !strings.Contains(answer.Body.String(), "assay log export") {
		t.Errorf("without backups it answers %d %s", answer.Code, answer.Body)
	}
	store.fail = errors.New("the disk is gone")
	if answer := w.do(get); answer.Code != 500 || strings.Contains(answer.Body.String(), "disk") {
		t.Errorf("a failure answers %d %s", answer.Code, answer.Body)
	}
	store.after = true
	defer func() {
		if p, ok := recover().(error); !ok || !errors.Is(p, http.ErrAbortHandler) {
			t.Errorf("half a backup ends with %v, want the connection to break off", p)
		}
	}()
	w.do(get)
}
