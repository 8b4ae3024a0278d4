// Package facts is the read model of what happened: exposures and measurements in columns, from which it makes, for an
// experiment at any log position, one row per unit with its arm and a value per metric. It is for internal/analysis, which
// makes statistics of the rows, and for ingestion, which asks whether an event id is known.
//
// # The model
//
// Batches come from the log in order of position. An item whose event_id is known in its project is dropped: the first in
// log order counts. What remains are rows, each with the position of its batch. The newest rows are in memory; every
// SealRows of them become a segment: one Parquet file of exposures, one of measurements, and an index of event ids, never
// changed again. The manifest names the segments and the position up to which they go, and is replaced in one atomic step,
// so a crash at any moment leaves either the old state or the new one. Rows that were only in memory come back from the log,
// which is read again from the manifest's position.
//
// Every byte on disk is under a checksum that leads up to the manifest (sums.go). What is not as it was written is never computed
// with: the store says which file it is (Damage), and the runner folds the log into a new state.
//
// A unit belongs to the arm of its first exposure in time. A unit seen in several variants is a crossover and belongs
// to none, unless the query keeps it where it was first. The order in which rows arrived never matters, nor does how they were divided into batches and segments.
//
// Parquet columns have plain names and types, so notebooks, DuckDB and ClickHouse open the files directly. The column "unit"
// is the first 64 bits of the SHA-256 of unit type and unit id.
package facts

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections"
)

// Options tune a Store. The zero value is right for most.
type Options struct {
	// SealRows is how many rows in memory become a segment; 262,144 when 0.
	SealRows int
	// Report hears of what somebody should look at: a batch that cannot be decoded, a state on disk that had to be thrown
	// away and is rebuilt. It may be nil.
	Report func(error)

	disk disk // the operating system's when nil
}

const defaultSealRows = 1 << 18

// Store is the read model. Apply is called by one goroutine, everything else by any number.
type Store struct {
	disk     disk
	home     string // the folder of this version
	dir      string // the one of its folders that counts: see rebuild.go
	sealRows int
	report   func(error)
	told     chan struct{} // see Damaged
	older    []string      // folders of older versions, until this one has read the log; only Apply looks

	mu       sync.RWMutex // guards what follows; only Apply and Close write
	position eventlog.Position
	segments []*segment
	tail     tail
	next     int // number of the next segment
	parked   []Parked
	wound    *wound       // damage of the segments above
	remade   *DamageError // why the state is being made again from the log since the start

	recent recent // has its own lock
}

var _ projections.Projection = (*Store)(nil)

// Parked is a batch that could not be read. Its items are missing from every result.
type Parked struct {
	Position eventlog.Position
	Reason   string
}

// tail is the rows that are not sealed yet.
type tail struct {
	exposures    []exposureRow
	measurements []measurementRow
	ids          map[idKey]uint64 // fingerprints
}

func (t tail) rows() int { return len(t.exposures) + len(t.measurements) }

// idKey is the first 128 bits of the SHA-256 of project and event id.
type idKey [16]byte

func keyOf(project domain.ProjectKey, eventID string) idKey {
	sum := sha256.Sum256(append(append([]byte(project), 0), eventID...))
	return idKey(sum[:16])
}

// unitOf is a unit's number in the columns.
func unitOf(unitType domain.UnitType, unit string) uint64 {
	sum := sha256.Sum256(append(append([]byte(unitType), 0), unit...))
	return binary.BigEndian.Uint64(sum[:8])
}

// Name is "facts".
func (s *Store) Name() string { return "facts" }

// Version is the version of rows and files; another one starts from an empty folder.
func (s *Store) Version() int { return version }

// Filter chooses the batches.
func (s *Store) Filter() eventlog.Filter {
	return eventlog.Filter{Categories: []string{measurement.Category}}
}

// Position is up to where the log has been applied.
func (s *Store) Position() eventlog.Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.position
}

// Parked lists the batches that could not be read.
func (s *Store) Parked() []Parked {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.parked)
}

// Status says whether an event id is known.
type Status int

// The statuses.
const (
	New       Status = iota // not known
	Duplicate               // known, with the same content
	Conflict                // known, with other content
)

// Status looks an event id up. fingerprint is that of the item that would bear it. The error is a *DamageError when the ids on disk
// are damaged.
func (s *Store) Status(project domain.ProjectKey, eventID string, fingerprint uint64) (Status, error) {
	return s.status(keyOf(project, eventID), fingerprint)
}

func (s *Store) status(key idKey, fingerprint uint64) (Status, error) {
	s.mu.RLock()
	known, found := s.tail.ids[key]
	segments := s.segments
	s.mu.RUnlock()
	for i := len(segments) - 1; i >= 0 && !found; i-- {
		var err error
		if known, found, err = segments[i].ids.find(key); err != nil {
			return New, fmt.Errorf("looking an event id up: %w", segments[i].wound.explain(err))
		}
	}
	switch {
	case !found:
		return New, nil
	case known == fingerprint:
		return Duplicate, nil
	default:
		return Conflict, nil
	}
}

// Apply folds batches into rows, and seals them when there are enough.
func (s *Store) Apply(_ context.Context, batch []eventlog.Recorded) error {
	fresh := gathered{tail: tail{ids: map[idKey]uint64{}}, position: s.Position()}
	for _, r := range batch {
		if err := s.gather(r, &fresh); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.tail.exposures = append(s.tail.exposures, fresh.exposures...)
	s.tail.measurements = append(s.tail.measurements, fresh.measurements...)
	maps.Copy(s.tail.ids, fresh.ids)
	s.position = fresh.position
	s.parked = append(s.parked, fresh.parked...)
	full := s.tail.rows() >= s.sealRows
	if fresh.atHead {
		s.remade = nil
	}
	s.mu.Unlock()
	replaces := fresh.atHead && len(s.older) > 0
	if !full && !replaces {
		return nil
	}
	if err := s.seal(); err != nil || !replaces {
		return err
	}
	s.removeOlder()
	return nil
}

// gathered is what one Apply adds.
type gathered struct {
	tail
	parked   []Parked
	position eventlog.Position
	atHead   bool // the log had no more when it was read
}

// gather adds one record. An error is the store's own; a batch that cannot be read is parked.
func (s *Store) gather(r eventlog.Recorded, fresh *gathered) error {
	fresh.atHead = fresh.atHead || r.IsCheckpoint()
	if r.Position <= fresh.position {
		return nil
	}
	if !r.IsCheckpoint() {
		if err := s.collect(r, &fresh.tail); eventlogFailure(err) {
			return err
		} else if err != nil {
			fresh.parked = append(fresh.parked, Parked{Position: r.Position, Reason: err.Error()})
			s.hear(fmt.Errorf("the batch at position %d is left out: %w", r.Position, err))
		}
	}
	fresh.position = r.Position
	return nil
}

// lookupError is a failure of the store itself, which must not park a batch.
type lookupError struct{ error }

func eventlogFailure(err error) bool {
	_, own := err.(lookupError) //nolint:errorlint // collect returns it unwrapped
	return own
}

// collect adds the batch's items to fresh, all or none.
func (s *Store) collect(r eventlog.Recorded, fresh *tail) error {
	b, err := measurement.Decode(r.Type, r.Data)
	if err != nil {
		return err
	}
	for i := range b.Exposures {
		x := &b.Exposures[i]
		isNew, err := s.isNew(keyOf(b.Project, x.EventID), x.Fingerprint(), fresh)
		if err != nil {
			return err
		}
		if isNew {
			fresh.exposures = append(fresh.exposures, rowOfExposure(&b, x, r.Position))
		}
	}
	for i := range b.Measurements {
		m := &b.Measurements[i]
		isNew, err := s.isNew(keyOf(b.Project, m.EventID), m.Fingerprint(), fresh)
		if err != nil {
			return err
		}
		if isNew {
			fresh.measurements = append(fresh.measurements, rowOfMeasurement(&b, m, r.Position))
		}
	}
	return nil
}

func (s *Store) isNew(key idKey, fingerprint uint64, fresh *tail) (bool, error) {
	if _, known := fresh.ids[key]; known {
		return false, nil
	}
	status, err := s.status(key, fingerprint)
	if err != nil {
		return false, lookupError{err}
	}
	if status != New {
		return false, nil
	}
	fresh.ids[key] = fingerprint
	return true, nil
}

func (s *Store) hear(err error) {
	if s.report != nil {
		s.report(err)
	}
}
