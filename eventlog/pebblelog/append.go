package pebblelog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/assayhq/assay/eventlog"
)

// Most that shares one sync. A larger group makes the first of it wait longer without sparing more syncs.
const (
	groupAppends = 256
	groupBytes   = 4 << 20
)

// request is one append on its way through the committer. Its events are encoded before it queues up, in the caller's
// goroutine: the work is shared and the caller may change its slices once Append has returned.
type request struct {
	stream   string
	expected eventlog.Revision
	ids      []eventlog.ID
	digests  []eventlog.Hash
	records  []byte // one after the other
	ends     []int  // where each record ends

	taken    bool          // guarded by the queue: the committer works on it
	answered chan struct{} // closed when position and err are set
	position eventlog.Position
	err      error
	wrote    bool // its events are in the group's batch
	rests    bool // its answer rests on events in the group's batch
}

func newRequest(stream string, expected eventlog.Revision, events []eventlog.Event) *request {
	size := 0
	for _, e := range events {
		size += overhead + len(stream) + e.Size() + 16 + 8*len(e.Meta)
	}
	r := &request{
		stream: stream, expected: expected, answered: make(chan struct{}),
		ids: make([]eventlog.ID, len(events)), digests: make([]eventlog.Hash, len(events)), ends: make([]int, len(events)), records: make([]byte, 0, size),
	}
	for i, e := range events {
		r.ids[i] = e.ID
		r.records, r.digests[i] = appendRecord(r.records, stream, e)
		r.ends[i] = len(r.records)
	}
	return r
}

func (r *request) record(i int) []byte {
	start := 0
	if i > 0 {
		start = r.ends[i-1]
	}
	return r.records[start:r.ends[i]]
}

// Append implements eventlog.Log. A context that ends while the append still queues leaves nothing behind and its error is
// returned; once the committer has taken the append, the answer is eventlog.ErrUnknownOutcome.
func (l *Log) Append(ctx context.Context, stream string, expected eventlog.Revision, events ...eventlog.Event) (eventlog.Position, error) {
	if err := eventlog.Check(stream, expected, events); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := l.latch.get(); err != nil {
		return 0, l.errReadOnly(err)
	}
	r := newRequest(stream, expected, events)
	switch l.queue.put(r) {
	case queueClosed:
		return 0, l.errClosed()
	case queueFull:
		return 0, l.errBusy(fmt.Sprintf("%d appends wait for the disk", l.options.MaxWaiting))
	}
	patience := time.NewTimer(l.options.Patience)
	defer patience.Stop()
	select {
	case <-r.answered:
		return r.position, r.err
	case <-ctx.Done():
		return l.giveUp(r, ctx.Err(), ctx.Err())
	case <-patience.C:
		late := fmt.Sprintf("the disk has not answered for %v", l.options.Patience)
		return l.giveUp(r, l.errBusy(late), errors.New(late))
	}
}

func (l *Log) errBusy(reason string) error {
	return fmt.Errorf("%w: %s; nothing was recorded in the event log in folder %s, try again later", eventlog.ErrUnavailable, reason, l.folder)
}

// giveUp answers an append that waits no longer: queued is the error when nothing was recorded.
func (l *Log) giveUp(r *request, queued, reason error) (eventlog.Position, error) {
	if l.queue.withdraw(r) {
		return 0, queued
	}
	select {
	case <-r.answered: // both were ready
		return r.position, r.err
	default:
		return 0, fmt.Errorf("%w: %v while stream %s was being written", eventlog.ErrUnknownOutcome, reason, r.stream) //nolint:errorlint // the context's error would mean that nothing was recorded
	}
}

// queue holds the appends that wait for the committer, in order of arrival.
type queue struct {
	most    int
	mu      sync.Mutex
	filled  sync.Cond
	waiting []*request
	closed  bool
}

func newQueue(most int) *queue {
	q := &queue{most: most}
	q.filled.L = &q.mu
	return q
}

type queueState int

const (
	queueTook queueState = iota
	queueFull
	queueClosed
)

// put adds r if the queue is open and has a place.
func (q *queue) put(r *request) queueState {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return queueClosed
	case len(q.waiting) >= q.most:
		return queueFull
	}
	q.waiting = append(q.waiting, r)
	q.filled.Signal()
	return queueTook
}

func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// withdraw removes r unless it has been taken.
func (q *queue) withdraw(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.taken {
		return false
	}
	for i, w := range q.waiting {
		if w == r {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			break
		}
	}
	return true
}

// take waits for appends and moves the first ones of them to group; it is false once the queue is closed.
func (q *queue) take(group []*request) ([]*request, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && !q.closed {
		q.filled.Wait()
	}
	n, bytes := 0, 0
	for n < len(q.waiting) && n < groupAppends && (n == 0 || bytes+len(q.waiting[n].records) <= groupBytes) {
		q.waiting[n].taken = true
		bytes += len(q.waiting[n].records)
		n++
	}
	group = append(group, q.waiting[:n]...)
	left := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[left:])
	q.waiting = q.waiting[:left]
	return group, !q.closed
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
}
