package esdbtest

import "fmt"

// expectation is the revision that a write expects its stream to be at.
type expectation struct {
	kind     expectationKind
	revision int64 // for exactly; -1 is no stream
}

type expectationKind int

const (
	exactly expectationKind = iota
	anything
	existing
)

// verdict is what the server says about a write before it writes.
type verdict int

const (
	accepted verdict = iota
	repeated         // written before: success, nothing is written
	mismatched
	deleted
)

// outcome is the answer to a write.
type outcome struct {
	verdict  verdict
	current  int64  // the stream's last revision; -1 when there is none
	position uint64 // of the last event written, or of the first when it was a repetition
}

// commit judges a write and records it when it is accepted.
func (s *store) commit(name string, expected expectation, events []record) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.of(name)
	v, original := s.judge(to, name, expected, events)
	if v != accepted {
		o := outcome{verdict: v, current: to.last()}
		if v == repeated {
			o.position, o.current = original.position, int64(original.revision)+int64(len(events))-1 //nolint:gosec // small
		}
		return o
	}
	if len(events) == 0 {
		return outcome{current: to.last()}
	}
	last := s.write(name, events)
	return outcome{current: to.last(), position: last.position}
}

// judge follows IndexWriter.CheckCommit of the server.
func (s *store) judge(to *stream, name string, expected expectation, events []record) (verdict, *record) {
	if to.tombstoned {
		return deleted, nil
	}
	if expected.kind != exactly {
		return s.judgeLoosely(to, name, expected, events)
	}
	switch last := to.last(); {
	case expected.revision > last:
		return mismatched, nil
	case expected.revision == last:
		return accepted, nil
	}
	for i, e := range events {
		at := expected.revision + 1 + int64(i)
		if at <= to.last() && uint64(at) >= to.scavenged && to.records[at].id == e.id { //nolint:gosec // not negative
			continue
		}
		if i == 0 && expected.revision == -1 && to.gone() {
			return accepted, nil
		}
		return mismatched, nil
	}
	if len(events) == 0 {
		return mismatched, nil
	}
	return repeated, to.records[expected.revision+1]
}

// judgeLoosely asks the cache of recent ids only.
func (s *store) judgeLoosely(to *stream, name string, expected expectation, events []record) (verdict, *record) {
	if expected.kind == existing {
		if to.last() < 0 {
			return mismatched, nil
		}
		if to.gone() {
			return deleted, nil
		}
	}
	var first *record
	for i, e := range events {
		known := s.recent[e.id]
		if known == nil || known.stream != name {
			if i == 0 {
				return accepted, nil
			}
			return mismatched, nil
		}
		if i == 0 {
			first = known
		}
	}
	if first == nil {
		return accepted, nil
	}
	return repeated, first
}

// remove hides a stream (soft) or ends it for ever, by a record as the server does.
func (s *store) remove(name string, expected expectation, soft bool) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.of(name)
	last := to.last()
	switch {
	case to.tombstoned:
		return outcome{verdict: deleted, current: last}
	case expected.kind == exactly && expected.revision != last, expected.kind == existing && last < 0:
		return outcome{verdict: mismatched, current: last}
	}
	id := [16]byte{0xdd, byte(s.next >> 32), byte(s.next >> 24), byte(s.next >> 16), byte(s.next >> 8), byte(s.next)} //nolint:gosec // a counter as an id
	if soft {
		body := fmt.Appendf(nil, `{"$tb":%d}`, softDeleted)
		written := s.write("$$"+name, []record{{id: id, kind: metadataType, contentType: jsonType, data: body}})
		return outcome{current: last, position: written.position}
	}
	written := s.write(name, []record{{id: id, kind: tombstoneType, contentType: "application/octet-stream"}})
	to.tombstoned = true
	return outcome{current: last, position: written.position}
}
