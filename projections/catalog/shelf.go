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
	words     *projections.Words
	packs     bool                // entries are packed, because there may be many
	books     map[string]*book[S] // by stream
	order     []*book[S]          // by creation; without those of which no event could be read
	// latest is the packed book that changed last, and its entry: changes often come one after the other.
	latest      *book[S]
	latestEntry Entry[S]
}

// identity is what a thing says it is, and what lists choose by.
type identity struct {
	stream   string
	project  domain.ProjectKey // that it belongs to
	key      string
	name     string
	archived bool
	asks     bool // for flags, segments or holdouts; only flags tell
}

// book is one stream.
type book[S any] struct {
	stream   string
	subject  *subject
	created  eventlog.Position
	name     string
	archived bool
	asks     bool
	now      *Entry[S] // nil when it is packed
	packed   projections.Packed
	pages    []*page  // those that could be read
	problem  *Problem // with the first event that could not be read
}

func newShelf[S, C, E any](words *projections.Words, a domain.Aggregate[S, C, E], identify func(S) identity) shelf[S, C, E] {
	return shelf[S, C, E]{aggregate: a, identify: identify, words: words, books: map[string]*book[S]{}}
}

// add writes the event into its book, and tells its page what it is about and whether it could be read; problem is the news
// that a book stays as it is from now on.
func (h *shelf[S, C, E]) add(r eventlog.Recorded, at stamp, now *page) (problem *Problem) {
	b := h.books[r.Stream]
	if b == nil {
		stream := strings.Clone(r.Stream) // a part of it would hold on to the whole record
		b = &book[S]{stream: stream, created: r.Position, subject: &subject{}}
		h.books[stream] = b
	}
	if b.problem == nil {
		err := h.turn(b, r, at, now)
		if err == nil {
			return nil
		}
		b.problem = &Problem{Stream: strings.Clone(r.Stream), Position: r.Position, Detail: err.Error()}
		problem = b.problem
	}
	now.subject, now.problem = b.subject, b.problem
	return problem
}

// turn adds the page to the book and brings its entry up to date; with an error the book is as it was.
func (h *shelf[S, C, E]) turn(b *book[S], r eventlog.Recorded, at stamp, now *page) error {
	next, is, err := h.read(b, r, at, now)
	if err != nil {
		return err
	}
	if err := h.keep(b, r.Stream, next); err != nil {
		return err
	}
	if len(b.pages) == 0 {
		h.order = append(h.order, b)
	}
	if is.project != b.subject.project || is.key != b.subject.key {
		b.subject = &subject{domain.ProjectKey(h.words.Of(string(is.project))), b.stream[len(b.stream)-len(is.key):]}
	}
	if is.name != b.name {
		b.name = h.words.Of(is.name)
	}
	b.archived, b.asks = is.archived, is.asks
	now.subject, b.pages = b.subject, append(b.pages, now)
	return nil
}

// keep makes the entry what the book is at now.
func (h *shelf[S, C, E]) keep(b *book[S], stream string, e Entry[S]) error {
	if !h.packs {
		b.now = &e
		return nil
	}
	packed, err := projections.Pack(h.words, stream, e)
	if err == nil {
		b.packed, h.latest, h.latestEntry = packed, b, e
	}
	return err
}

// entry is what the book is at now.
func (h *shelf[S, C, E]) entry(b *book[S]) (e Entry[S]) {
	switch {
	case len(b.pages) == 0:
	case b.now != nil:
		e = *b.now
	default:
		var err error
		if e, err = projections.Unpack[Entry[S]](h.words, b.packed); err != nil {
			e.Problem = err.Error()
		}
	}
	if b.problem != nil {
		e.Problem = b.problem.Detail
	}
	return e
}

// read makes the entry after the event. Whatever is wrong with them is an error, a panic too.
func (h *shelf[S, C, E]) read(b *book[S], r eventlog.Recorded, at stamp, now *page) (next Entry[S], is identity, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("reading %s panicked: %v", r.Type, x)
		}
	}()
	event, err := h.aggregate.Decode(r.Type, r.Data)
	if err != nil {
		return next, is, err
	}
	if b == h.latest {
		next = h.latestEntry
	} else {
		next = h.entry(b)
	}
	next = turn(h.aggregate, next, event, at, now.origin.actor)
	if is = h.identify(next.State); is.stream != r.Stream {
		err = fmt.Errorf("%s makes it another thing than that of its stream", r.Type)
	}
	return next, is, err
}

func turn[S, C, E any](a domain.Aggregate[S, C, E], e Entry[S], event E, at stamp, by domain.Actor) Entry[S] {
	e.State = a.Evolve(e.State, event)
	if e.CreatedAt.IsZero() {
		e.CreatedAt, e.CreatedBy = at.at, by
	}
	e.Revision, e.Position, e.UpdatedAt, e.UpdatedBy = at.revision, at.position, at.at, by
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
	var r reader
	for _, p := range b.pages {
		if p.position > position {
			break
		}
		at, data := r.read(p)
		event, err := h.aggregate.Decode(p.origin.event, []byte(data))
		if err != nil {
			continue // it could be read when it was added
		}
		e, ok = turn(h.aggregate, e, event, at, p.origin.actor), true
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

// list returns the entries that keep, in order of creation, and the cursor of the next page.
func (h *shelf[S, C, E]) list(page Page, keep func(*book[S]) bool) ([]Entry[S], string, error) {
	start, err := page.start()
	if err != nil {
		return nil, "", err
	}
	first, _ := slices.BinarySearchFunc(h.order, start+1, func(b *book[S], at eventlog.Position) int { return cmp.Compare(b.created, at) })
	var out []Entry[S]
	for i := first; i < len(h.order); i++ {
		b := h.order[i]
		if !keep(b) {
			continue
		}
		if len(out) == page.limit() {
			return out, cursor(start), nil
		}
		out = append(out, h.entry(b))
		start = b.created
	}
	return out, "", nil
}
