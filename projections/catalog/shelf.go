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
	tidy      func(S) S           // makes a state that is kept small; nil where there are few
	books     map[string]*book[S] // by stream
	order     []*book[S]          // by creation; without those of which no event could be read
}

// identity is what a thing says it is.
type identity struct {
	stream  string
	project domain.ProjectKey // that it belongs to
	key     string
}

// book is one stream.
type book[S any] struct {
	subject *subject
	created eventlog.Position
	now     Entry[S]
	pages   []*page  // those that could be read
	problem *Problem // with the first event that could not be read
}

func newShelf[S, C, E any](a domain.Aggregate[S, C, E], identify func(S) identity) shelf[S, C, E] {
	return shelf[S, C, E]{aggregate: a, identify: identify, books: map[string]*book[S]{}}
}

// add writes the event into its book, and tells its page what it is about and whether it could be read; problem is the news
// that a book stays as it is from now on.
func (h *shelf[S, C, E]) add(r eventlog.Recorded, now *page) (problem *Problem) {
	b := h.books[r.Stream]
	if b == nil {
		b = &book[S]{created: r.Position, subject: now.subject}
		h.books[strings.Clone(r.Stream)] = b
	}
	if b.problem == nil {
		next, is, err := h.read(b, r, now)
		if err == nil {
			if len(b.pages) == 0 {
				h.order = append(h.order, b)
			}
			if about := (subject{is.project, is.key}); *b.subject != about {
				b.subject = &about
			}
			now.subject = b.subject
			b.now, b.pages = next, append(b.pages, now)
			return nil
		}
		b.problem = &Problem{Stream: strings.Clone(r.Stream), Position: r.Position, Detail: err.Error()}
		b.now.Problem = b.problem.Detail
		problem = b.problem
	}
	now.subject, now.problem = b.subject, b.problem
	return problem
}

// read makes the entry after the event. Whatever is wrong with them is an error, a panic too.
func (h *shelf[S, C, E]) read(b *book[S], r eventlog.Recorded, now *page) (next Entry[S], is identity, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("reading %s panicked: %v", r.Type, x)
		}
	}()
	event, err := h.aggregate.Decode(r.Type, r.Data)
	if err != nil {
		return next, is, err
	}
	next = turn(h.aggregate, b.now, event, now)
	if h.tidy != nil {
		next.State = h.tidy(next.State)
	}
	if is = h.identify(next.State); is.stream != r.Stream {
		err = fmt.Errorf("%s makes it another thing than that of its stream", r.Type)
	}
	return next, is, err
}

func turn[S, C, E any](a domain.Aggregate[S, C, E], e Entry[S], event E, now *page) Entry[S] {
	e.State = a.Evolve(e.State, event)
	if e.CreatedAt.IsZero() {
		e.CreatedAt, e.CreatedBy = now.at, now.origin.actor
	}
	e.Revision, e.Position, e.UpdatedAt, e.UpdatedBy = now.revision, now.position, now.at, now.origin.actor
	return e
}

func (h *shelf[S, C, E]) get(project domain.ProjectKey, key string) (*book[S], bool) {
	b, ok := h.books[domain.Stream(h.aggregate.Category, project, key)]
	return b, ok && len(b.pages) > 0
}

// at folds a book up to a position; ok is false when there was no such thing then. It is for books whose pages have the data
// that is in the log.
func (h *shelf[S, C, E]) at(project domain.ProjectKey, key string, position eventlog.Position) (e Entry[S], ok bool) {
	b, found := h.get(project, key)
	if !found {
		return e, false
	}
	for _, p := range b.pages {
		if p.position > position {
			break
		}
		event, err := h.aggregate.Decode(p.origin.event, []byte(p.data))
		if err != nil {
			continue // it could be read when it was added
		}
		e, ok = turn(h.aggregate, e, event, p), true
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
	first, _ := slices.BinarySearchFunc(h.order, start+1, func(b *book[S], at eventlog.Position) int { return cmp.Compare(b.created, at) })
	var out []Entry[S]
	for i := first; i < len(h.order); i++ {
		b := h.order[i]
		if !keep(b.subject.project, b.now) {
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
