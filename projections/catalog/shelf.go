package catalog

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections"
)

// Entry is a thing as it is now, or was at a position.
type Entry[S any] struct {
	State S
	// Revision is that of the thing's stream, Position that of its newest event.
	Revision  projections.Revision
	Position  projections.Position
	CreatedAt time.Time
	UpdatedAt time.Time
	CreatedBy domain.Actor
	UpdatedBy domain.Actor
}

// shelf holds the books of one kind of aggregate.
type shelf[S, C, E any] struct {
	aggregate domain.Aggregate[S, C, E]
	nameOf    func(S) (domain.ProjectKey, string)
	books     map[string]*book[S, E] // by stream
	order     []*book[S, E]          // by creation
}

// book is one stream.
type book[S, E any] struct {
	project domain.ProjectKey
	key     string
	created eventlog.Position
	now     Entry[S]
	pages   []page[E]
	frozen  bool
}

// page is one event and its change.
type page[E any] struct {
	event  E
	change Change
}

func newShelf[S, C, E any](a domain.Aggregate[S, C, E], nameOf func(S) (domain.ProjectKey, string)) shelf[S, C, E] {
	return shelf[S, C, E]{aggregate: a, nameOf: nameOf, books: map[string]*book[S, E]{}}
}

func (h *shelf[S, C, E]) add(r eventlog.Recorded, change Change) (domain.ProjectKey, string, error) {
	b := h.books[r.Stream]
	if b != nil && b.frozen {
		return b.project, b.key, fmt.Errorf("an earlier event could not be read, so %s is not applied", r.Type)
	}
	event, err := h.aggregate.Decode(r.Type, r.Data)
	if err != nil {
		if b != nil {
			b.frozen = true
		}
		return "", "", err
	}
	if b == nil {
		b = &book[S, E]{created: r.Position}
		h.books[r.Stream] = b
		h.order = append(h.order, b)
	}
	b.pages = append(b.pages, page[E]{event: event, change: change})
	b.now = turn(h.aggregate, b.now, event, change)
	b.project, b.key = h.nameOf(b.now.State)
	return b.project, b.key, nil
}

func turn[S, C, E any](a domain.Aggregate[S, C, E], e Entry[S], event E, change Change) Entry[S] {
	e.State = a.Evolve(e.State, event)
	if e.CreatedAt.IsZero() {
		e.CreatedAt, e.CreatedBy = change.At, change.Actor
	}
	e.Revision, e.Position, e.UpdatedAt, e.UpdatedBy = change.Revision, change.Position, change.At, change.Actor
	return e
}

func (h *shelf[S, C, E]) get(project domain.ProjectKey, key string) (*book[S, E], bool) {
	stream := domain.Stream(h.aggregate.Category, project, key)
	b, ok := h.books[stream]
	return b, ok
}

// at folds a book up to a position; ok is false when there was no such thing then.
func (h *shelf[S, C, E]) at(project domain.ProjectKey, key string, position eventlog.Position) (e Entry[S], ok bool) {
	b, found := h.get(project, key)
	if !found {
		return e, false
	}
	for _, p := range b.pages {
		if p.change.Position > position {
			break
		}
		e, ok = turn(h.aggregate, e, p.event, p.change), true
	}
	return e, ok
}

// Page chooses a part of a list.
type Page struct {
	// After is the cursor of the page before; empty for the first.
	After string
	// Limit is how many at most; 50 when 0, never more than 200.
	Limit int
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

func (p Page) limit() int {
	if p.Limit <= 0 {
		return defaultLimit
	}
	return min(p.Limit, maxLimit)
}

// start is the position after which the page begins.
func (p Page) start() (eventlog.Position, error) {
	if p.After == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.After)
	if err == nil {
		if at, ok := strings.CutPrefix(string(raw), "p"); ok {
			if n, err := strconv.ParseUint(at, 10, 64); err == nil {
				return eventlog.Position(n), nil
			}
		}
	}
	return 0, domain.Invalid("/cursor", "the cursor is not one that a list gave out; leave it out to begin anew").WithCode("bad_cursor")
}

func cursor(at eventlog.Position) string {
	return base64.RawURLEncoding.EncodeToString([]byte("p" + strconv.FormatUint(uint64(at), 10)))
}

// list returns the entries of a project that keep, in order of creation, and the cursor of the next page.
func (h *shelf[S, C, E]) list(page Page, keep func(project domain.ProjectKey, e Entry[S]) bool) ([]Entry[S], string, error) {
	start, err := page.start()
	if err != nil {
		return nil, "", err
	}
	first, _ := slices.BinarySearchFunc(h.order, start+1, func(b *book[S, E], at eventlog.Position) int { return cmp.Compare(b.created, at) })
	var out []Entry[S]
	for i := first; i < len(h.order); i++ {
		b := h.order[i]
		if !keep(b.project, b.now) {
			continue
		}
		if len(out) == page.limit() {
			return out, cursor(start), nil
		}
		out = append(out, b.now)
		start = b.created
	}
	return out, "", nil
}
