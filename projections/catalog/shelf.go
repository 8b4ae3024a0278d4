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
	// Problem is empty as a rule. Else an event could not be read, for the reason it says, and everything above is as it was
	// before that event.
	Problem string
}

// shelf holds the books of one kind of aggregate.
type shelf[S, C, E any] struct {
	aggregate domain.Aggregate[S, C, E]
	identify  func(S) identity
	books     map[string]*book[S, E] // by stream
	order     []*book[S, E]          // by creation; without those of which no event could be read
}

// identity is what a thing says it is.
type identity struct {
	stream  string
	project domain.ProjectKey // that it belongs to
	key     string
}

// book is one stream.
type book[S, E any] struct {
	identity
	created eventlog.Position
	now     Entry[S]
	pages   []page[E]
	problem *Problem // with the first event that could not be read
}

// page is one event and its change.
type page[E any] struct {
	event  E
	change Change
}

func newShelf[S, C, E any](a domain.Aggregate[S, C, E], identify func(S) identity) shelf[S, C, E] {
	return shelf[S, C, E]{aggregate: a, identify: identify, books: map[string]*book[S, E]{}}
}

// add writes the event into its book, and returns the change with what it is about. A change that could not be read has
// its Problem set; problem is the news that a book stays as it is from now on.
func (h *shelf[S, C, E]) add(r eventlog.Recorded, change Change) (_ Change, problem *Problem) {
	b := h.books[r.Stream]
	if b == nil {
		b = &book[S, E]{created: r.Position}
		h.books[r.Stream] = b
	}
	if b.problem == nil {
		event, next, is, err := h.read(b, r, change)
		if err == nil {
			change.Project, change.Key = is.project, is.key
			if len(b.pages) == 0 {
				h.order = append(h.order, b)
			}
			b.identity, b.now, b.pages = is, next, append(b.pages, page[E]{event: event, change: change})
			return change, nil
		}
		b.problem = &Problem{Stream: r.Stream, Position: r.Position, Detail: err.Error()}
		b.now.Problem = b.problem.Detail
		problem = b.problem
	}
	change.Project, change.Key, change.Problem = b.project, b.key, b.problem.Detail
	return change, problem
}

// read makes the event and the entry after it. Whatever is wrong with them is an error, a panic too.
func (h *shelf[S, C, E]) read(b *book[S, E], r eventlog.Recorded, change Change) (event E, next Entry[S], is identity, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("reading %s panicked: %v", r.Type, x)
		}
	}()
	if event, err = h.aggregate.Decode(r.Type, r.Data); err != nil {
		return event, next, is, err
	}
	next = turn(h.aggregate, b.now, event, change)
	if is = h.identify(next.State); is.stream != r.Stream {
		err = fmt.Errorf("%s makes it another thing than that of its stream", r.Type)
	}
	return event, next, is, err
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
	b, ok := h.books[domain.Stream(h.aggregate.Category, project, key)]
	return b, ok && len(b.pages) > 0
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
	if ok && b.problem != nil && b.problem.Position <= position {
		e.Problem = b.problem.Detail
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
