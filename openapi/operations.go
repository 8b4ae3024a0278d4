package openapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections"
)

// Store is the log as operators see it. It never lets a handler write.
type Store interface {
	// Status is how the log is now; it never waits.
	Status() StoreStatus
	// Verify reads the whole log and tells found of every fault.
	Verify(ctx context.Context, found func(StoreFault)) (StoreVerified, error)
	// Backup writes a backup. An error before the first byte is answered; a later one breaks the answer off, which readers
	// notice because the manifest comes last. It returns ErrNoBackup when the engine has tools of its own for that.
	Backup(ctx context.Context, out io.Writer) error
}

// ErrNoBackup refuses a backup of a log that another system keeps.
var ErrNoBackup = errors.New("this log is kept by another system; back it up with that system's tools, or use assay log export")

// States of a Store.
const (
	StoreWritable    = "writable"
	StoreUnreachable = "unreachable"
)

// StoreStatus is how a log is.
type StoreStatus struct {
	Engine   string
	State    string
	Reason   string // one sentence; empty when all is well
	Position projections.Position
	// Events is how many there are up to Position, Chain the hash over them; 0 and empty when the engine keeps none, and Note
	// says where they are found.
	Events     uint64
	Chain      string
	Note       string
	RecordedAt time.Time
	Waiting    int
	SizeBytes  uint64
	FreeBytes  uint64
	FreeKnown  bool
}

func (s StoreStatus) healthy() bool { return s.State == StoreWritable && s.Reason == "" }

// public is the reason for those without a key: it names no folder and no file.
func (s StoreStatus) public() string {
	switch s.State {
	case StoreWritable:
		return "writing to the log is slow; decisions and reads go on"
	case StoreUnreachable:
		return "the event store cannot be reached; decisions and reads go on, changes are refused"
	}
	return "the log is " + s.State + "; decisions and reads go on, changes are refused; GET /api/v1/log says why"
}

// StoreFault is one place of the log that is not as it was written.
type StoreFault struct {
	Position     projections.Position
	Kind, Detail string
}

// StoreVerified is what a check has seen.
type StoreVerified struct {
	Position        projections.Position
	Chain           string
	Events, Trimmed int
}

// headTimeout bounds how long the answer about a log elsewhere waits for its head.
const headTimeout = 2 * time.Second

// GetLog tells how the log is. A log that is elsewhere is asked where it ends; when it does not answer, the answer is what is known.
func (s *Server) GetLog(ctx context.Context, _ api.GetLogRequestObject) (api.GetLogResponseObject, error) {
	status := s.Store.Status()
	out := api.GetLog200JSONResponse{
		Engine: api.LogStatusEngine(status.Engine), State: api.LogStatusState(status.State), Reason: status.Reason,
		Chain: status.Chain, Note: status.Note, Waiting: status.Waiting, SizeBytes: count(status.SizeBytes), Verified: s.verified.Load(),
	}
	if status.Chain != "" {
		out.Events = count(status.Events)
	} else {
		ctx, cancel := context.WithTimeout(ctx, headTimeout)
		defer cancel()
		if head, err := s.Head(ctx); err == nil {
			status.Position = max(status.Position, head)
		}
	}
	out.Position = positionOf(status.Position)
	if status.FreeKnown {
		out.FreeBytes = count(status.FreeBytes)
	}
	if !status.RecordedAt.IsZero() {
		out.RecordedAt = &status.RecordedAt
	}
	return out, nil
}

func count(n uint64) string { return strconv.FormatUint(n, 10) }

// mostFaults bounds an answer; whoever has more needs a backup, not a list.
const mostFaults = 1_000

// VerifyLog reads the whole log.
func (s *Server) VerifyLog(ctx context.Context, _ api.VerifyLogRequestObject) (api.VerifyLogResponseObject, error) {
	out := api.VerifyLog200JSONResponse{Faults: []verificationFault{}}
	seen, err := s.Store.Verify(ctx, func(f StoreFault) {
		if len(out.Faults) < mostFaults {
			out.Faults = append(out.Faults, verificationFault{Position: positionOf(f.Position), Kind: f.Kind, Detail: f.Detail})
		}
	})
	if err != nil {
		return nil, err
	}
	out.Position, out.Chain = positionOf(seen.Position), seen.Chain
	out.Events, out.Trimmed = strconv.Itoa(seen.Events), strconv.Itoa(seen.Trimmed)
	s.verified.Store(&verification{At: s.Now().UTC(), Position: out.Position, Events: out.Events, Chain: out.Chain, Faults: len(out.Faults)})
	return out, nil
}

// verification is what the last one has seen.
type verification = struct {
	At       time.Time `json:"at"`
	Chain    string    `json:"chain"`
	Events   string    `json:"events"`
	Faults   int       `json:"faults"`
	Position string    `json:"position"`
}

type verificationFault = struct {
	Detail   string `json:"detail"`
	Kind     string `json:"kind"`
	Position string `json:"position"`
}

// BackUpLog streams a backup.
func (s *Server) BackUpLog(ctx context.Context, _ api.BackUpLogRequestObject) (api.BackUpLogResponseObject, error) {
	return backupAnswer{ctx: ctx, store: s.Store}, nil
}

type backupAnswer struct {
	ctx   context.Context //nolint:containedctx // it lives as long as its request
	store Store
}

// VisitBackUpLogResponse writes the backup. What fails on the way breaks the connection off, so that nobody takes half of one
// for a backup.
func (b backupAnswer) VisitBackUpLogResponse(w http.ResponseWriter) error {
	out := &startedWriter{w: w}
	err := b.store.Backup(b.ctx, out)
	switch {
	case errors.Is(err, ErrNoBackup):
		return refuse(http.StatusConflict, "no_backup", "%s", ErrNoBackup.Error())
	case err != nil && out.started:
		panic(http.ErrAbortHandler)
	}
	return err
}

// startedWriter sends its headers with the first byte.
type startedWriter struct {
	w       http.ResponseWriter
	started bool
}

// Write sends the headers with the first bytes: before that, a failure can still be answered as one.
func (s *startedWriter) Write(p []byte) (int, error) {
	if !s.started {
		s.started = true
		s.w.Header().Set("Content-Type", "application/x-tar")
		s.w.Header().Set("Content-Disposition", `attachment; filename="assay-backup.tar"`)
		s.w.WriteHeader(http.StatusOK)
	}
	return s.w.Write(p)
}

// GetTelemetry answers the metrics.
func (s *Server) GetTelemetry(ctx context.Context, _ api.GetTelemetryRequestObject) (api.GetTelemetryResponseObject, error) {
	return telemetryAnswer{ctx: ctx, handler: s.Telemetry}, nil
}

type telemetryAnswer struct {
	ctx     context.Context //nolint:containedctx // it lives as long as its request
	handler http.Handler
}

// VisitGetTelemetryResponse lets the metrics' own handler answer.
func (a telemetryAnswer) VisitGetTelemetryResponse(w http.ResponseWriter) error {
	r, err := http.NewRequestWithContext(a.ctx, http.MethodGet, "/metrics", http.NoBody)
	if err != nil {
		return err
	}
	a.handler.ServeHTTP(w, r)
	return nil
}
