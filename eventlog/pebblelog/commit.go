package pebblelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

// knownStreams bounds the memory of last revisions. A stream that is not remembered costs one seek.
const knownStreams = 16_384

// writer is what only the committer touches.
type writer struct {
	last   eventlog.Position // of the last event, including those of the batch being built
	at     time.Time         // when the last event was recorded
	chain  eventlog.Hash     // of all events up to the last
	ends   map[string]eventlog.Revision
	groups map[string]*tail // streams that the batch being built adds to
	key    []byte           // reused
	value  []byte           // reused
}

// tail is what the batch being built adds to one stream.
type tail struct {
	first     eventlog.Revision
	ids       []eventlog.ID
	positions []eventlog.Position
}

func (t *tail) end() eventlog.Revision { return t.first + eventlog.Revision(len(t.ids)) - 1 }

func newWriter(last eventlog.Entry) writer {
	return writer{
		last: last.Position, at: last.RecordedAt, chain: last.Chain,
		ends: make(map[string]eventlog.Revision), groups: make(map[string]*tail),
	}
}

// commitAll is the committer: it takes what has queued up, commits it with one sync and answers, until the log is closed.
func (l *Log) commitAll() {
	defer close(l.finished)
	var group []*request
	for open := true; open; {
		group, open = l.queue.take(group[:0])
		if open {
			l.commit(group)
		} else {
			for _, r := range group {
				r.err = l.errClosed()
			}
		}
		for _, r := range group {
			l.count.appends.Add(1)
			if errors.Is(r.err, eventlog.ErrUnavailable) || errors.Is(r.err, eventlog.ErrUnknownOutcome) {
				l.count.refused.Add(1)
			}
			close(r.answered)
		}
		clear(group)
	}
}

// commit decides every append of the group in order, writes those that may be written, and sets all answers.
func (l *Log) commit(group []*request) {
	if err := l.latch.get(); err != nil {
		for _, r := range group {
			r.err = l.errReadOnly(err)
		}
		return
	}
	w, before := &l.write, l.write.last
	if now := l.now(); now.After(w.at) {
		w.at = now
	}
	if !l.fits(group) {
		return
	}
	batch := l.db.NewBatch()
	defer batch.Close() //nolint:errcheck // returns the memory of a batch; it cannot fail after a commit
	for _, r := range group {
		r.position, r.err = l.place(batch, r)
	}
	if w.last == before {
		return
	}
	if err := l.latch.get(); err != nil {
		l.refuse(group, l.errReadOnly, err) // the batch was not committed and never will be
		return
	}
	if err := l.sync(batch, len(group)); err != nil {
		l.refuse(group, l.errUnknown, err)
		return
	}
	l.count.events.Add(uint64(w.last - before))
	for stream, t := range w.groups {
		w.remember(stream, t.end())
	}
	clear(w.groups)
	// Readers may see the events before the writers hear of them, never the other way round.
	tip := Tip{Position: w.last, Chain: w.chain, RecordedAt: w.at}
	l.advance(tip)
	l.publish(tip)
	l.news.announce()
}

// fits tells whether the disk has room for the group, and answers it if not. What is a retry is refused too: once there is
// room, it is answered as one.
func (l *Log) fits(group []*request) bool {
	size := 0
	for _, r := range group {
		size += len(r.records)
	}
	err := l.room.check(time.Now(), size)
	if err == nil {
		l.full.Store(nil)
		return true
	}
	if l.full.Swap(&err) == nil {
		l.options.Warn(err.Error())
	}
	for _, r := range group {
		r.err = err
	}
	return false
}

// sync makes the batch durable. An error means that nobody knows what is on the disk, so it latches.
func (l *Log) sync(batch *pebble.Batch, appends int) error {
	began := time.Since(l.opened)
	l.count.began.Store(max(1, int64(began)))
	if err := batch.Commit(pebble.Sync); err != nil {
		l.latch.set(err)
	}
	l.count.began.Store(0)
	l.options.Synced(time.Since(l.opened)-began, appends)
	return l.latch.get()
}

// advance moves the mark. A mark that cannot be written stays behind, where it does no harm.
func (l *Log) advance(tip Tip) {
	if l.mark == nil {
		return
	}
	if err := l.mark.write(tip); err != nil {
		l.options.Warn(fmt.Sprintf("the mark of the log's head cannot be written, so damage to the newest events may go unnoticed: %v", err))
		_ = l.mark.file.Close() // it is not used again
		l.mark = nil
	}
}

// refuse answers a group whose batch is not durable; what the batch holds gets the error that kind makes of the cause. What
// was decided on durable events alone stands.
func (l *Log) refuse(group []*request, kind func(error) error, cause error) {
	for _, r := range group {
		switch {
		case r.wrote, r.rests && r.err == nil:
			r.position, r.err = 0, kind(cause)
		case r.rests:
			r.err = l.errReadOnly(cause)
		}
	}
}

func (l *Log) errUnknown(cause error) error {
	return fmt.Errorf("%w: writing to the event log in folder %s failed: %w", eventlog.ErrUnknownOutcome, l.folder, cause)
}

// place adds the events of r to the batch, or finds out why it must not.
func (l *Log) place(batch *pebble.Batch, r *request) (eventlog.Position, error) {
	end, err := l.endOf(r.stream)
	if err != nil {
		return 0, err
	}
	if r.expected != eventlog.Any && r.expected != end {
		p, found, err := l.original(r, end)
		if err != nil || found {
			return p, err
		}
		r.rests = l.write.groups[r.stream] != nil
		return 0, &eventlog.ConflictError{Stream: r.stream, Expected: r.expected, Actual: end}
	}
	if err := l.add(batch, r, end+1); err != nil {
		l.latch.set(err) // part of this append is in the batch: it must not be committed
		return 0, l.errReadOnly(err)
	}
	r.wrote = true
	return l.write.last, nil
}

func (l *Log) add(batch *pebble.Batch, r *request, first eventlog.Revision) error {
	w := &l.write
	t := w.groups[r.stream]
	if t == nil {
		t = &tail{first: first}
		w.groups[r.stream] = t
	}
	for i, id := range r.ids {
		w.last++
		w.chain = w.chain.Link(r.digests[i])
		revision, record := first+eventlog.Revision(i), r.record(i)
		stamp(record, w.at, revision, w.chain)
		if err := l.put(w, batch, r.stream, revision, record); err != nil {
			return err
		}
		t.ids, t.positions = append(t.ids, id), append(t.positions, w.last)
	}
	return nil
}

// put adds the record of the writer's last event, and what leads to it.
func (l *Log) put(w *writer, batch *pebble.Batch, stream string, revision eventlog.Revision, record []byte) error {
	w.key = eventKey(w.key[:0], w.last)
	if err := batch.Set(w.key, record, nil); err != nil {
		return err
	}
	w.key = streamKey(w.key[:0], stream, revision)
	w.value = binary.BigEndian.AppendUint64(w.value[:0], uint64(w.last))
	if err := batch.Set(w.key, w.value, nil); err != nil {
		return err
	}
	w.key = categoryKey(w.key[:0], eventlog.Category(stream), w.last)
	return batch.Set(w.key, nil, nil)
}

// endOf returns the revision of the stream's last event, those of the batch being built included.
func (l *Log) endOf(stream string) (eventlog.Revision, error) {
	if t := l.write.groups[stream]; t != nil {
		return t.end(), nil
	}
	if end, known := l.write.ends[stream]; known {
		return end, nil
	}
	end, err := l.storedEnd(stream)
	if err == nil {
		l.write.remember(stream, end)
	}
	return end, err
}

func (w *writer) remember(stream string, end eventlog.Revision) {
	if _, known := w.ends[stream]; !known && len(w.ends) >= knownStreams {
		for other := range w.ends { // any one: it costs a seek when it is needed again
			delete(w.ends, other)
			break
		}
	}
	w.ends[stream] = end
}

// original tells whether the events of r already follow its expected revision, and at which position the last one is.
func (l *Log) original(r *request, end eventlog.Revision) (eventlog.Position, bool, error) {
	if r.expected > end || end-r.expected < eventlog.Revision(len(r.ids)) {
		return 0, false, nil
	}
	t := l.write.groups[r.stream]
	var last eventlog.Position
	for i, want := range r.ids {
		revision := r.expected + 1 + eventlog.Revision(i)
		if t != nil && revision >= t.first {
			r.rests = true
			if t.ids[revision-t.first] != want {
				return 0, false, nil
			}
			last = t.positions[revision-t.first]
			continue
		}
		p, id, err := l.storedID(r.stream, revision)
		if err != nil || id != want {
			return 0, false, err
		}
		last = p
	}
	return last, true, nil
}

func (l *Log) storedID(stream string, r eventlog.Revision) (eventlog.Position, eventlog.ID, error) {
	p, err := l.positionOf(stream, r)
	if err != nil {
		return 0, eventlog.ID{}, err
	}
	record, closer, err := l.db.Get(eventKey(nil, p))
	if err != nil {
		return 0, eventlog.ID{}, missing(err, "position %d, revision %d of stream %s", p, r, stream)
	}
	defer closer.Close() //nolint:errcheck // releases a cached block
	taken, err := takeApart(p, record)
	if err != nil {
		return 0, eventlog.ID{}, err
	}
	return p, eventlog.ID(taken.event[:atLength]), nil
}

func (l *Log) positionOf(stream string, r eventlog.Revision) (eventlog.Position, error) {
	value, closer, err := l.db.Get(streamKey(nil, stream, r))
	if err != nil {
		return 0, missing(err, "revision %d of stream %s", r, stream)
	}
	defer closer.Close() //nolint:errcheck // releases a cached block
	if len(value) != 8 {
		return 0, corrupt("the index of stream %s at revision %d does not read back", stream, r)
	}
	return eventlog.Position(binary.BigEndian.Uint64(value)), nil
}

// missing turns the error of a lookup that must succeed into one of the port's kinds.
func missing(err error, what string, args ...any) error {
	if errors.Is(err, pebble.ErrNotFound) {
		return corrupt("%s is missing", fmt.Sprintf(what, args...))
	}
	return readError(err)
}

// readError turns an error of Pebble into one of the port's kinds.
func readError(err error) error {
	switch {
	case err == nil:
		return nil
	case pebble.IsCorruptionError(err):
		return corrupt("%v", err)
	default:
		return fmt.Errorf("%w: reading the event log: %w", eventlog.ErrUnavailable, err)
	}
}
