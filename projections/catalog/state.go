package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/assayhq/assay/projections"
)

var _ projections.Hashed = (*Projection)(nil)

// StateHash hashes every entry, the whole history and the problems.
func (p *Projection) StateHash() (at projections.Position, sum [sha256.Size]byte, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	h := sha256.New()
	write := func(what string, value any) {
		text, failed := json.Marshal(value)
		if failed != nil {
			err = cmp.Or(err, fmt.Errorf("hashing %s: %w", what, failed))
		}
		h.Write(append(append([]byte(what), 0), text...))
	}
	writeShelf(write, &p.projects)
	writeShelf(write, &p.flags)
	writeShelf(write, &p.metrics)
	writeShelf(write, &p.experiments)
	writeShelf(write, &p.keys)
	for _, key := range slices.Sorted(maps.Keys(p.history)) {
		changes := make([]Change, len(p.history[key]))
		var r reader
		for i, page := range p.history[key] {
			changes[i] = page.change(&r)
		}
		write("history of "+string(key), changes)
	}
	write("problems", p.problems)
	return p.position, [sha256.Size]byte(h.Sum(nil)), err
}

func writeShelf[S, C, E any](write func(string, any), s *shelf[S, C, E]) {
	for _, stream := range slices.Sorted(maps.Keys(s.books)) {
		b := s.books[stream]
		write(stream, struct {
			Created projections.Position
			Pages   int
			Now     Entry[S]
		}{b.created, len(b.pages), s.entry(b)})
	}
}
