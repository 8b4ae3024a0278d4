package esdbtest

import (
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

const (
	// recentIDs bounds the cache that is asked when no exact revision is expected; the real one is bounded by 8 MiB.
	recentIDs = 20_000
	// firstPosition is where the first record lies; the server's own have come before.
	firstPosition = 4_096
	// recordOverhead is what a record takes besides its texts.
	recordOverhead = 96
	softDeleted    = uint64(1<<63 - 1)
)

// record is an event as it stands in the log.
type record struct {
	id          [16]byte
	stream      string
	kind        string
	contentType string
	data, meta  []byte
	revision    uint64
	position    uint64
	created     time.Time
	scavenged   bool // it is gone from $all; guarded by the store's mu
}

// stream is what the index knows of one.
type stream struct {
	records    []*record // the record of revision r is at index r
	scavenged  uint64    // those under this revision are gone
	tombstoned bool
	settings
}

// last is the revision of the last event, -1 when there is none.
func (s *stream) last() int64 { return int64(len(s.records)) - 1 }

func (s *stream) gone() bool { return s.before == softDeleted }

// visible returns the records that reading the stream shows.
func (s *stream) visible(now time.Time) []*record {
	if s.gone() {
		return nil
	}
	from := min(max(s.before, s.scavenged), uint64(len(s.records)))
	if s.maxCount > 0 && uint64(len(s.records)) > s.maxCount {
		from = max(from, uint64(len(s.records))-s.maxCount)
	}
	shown := s.records[from:]
	if s.maxAge > 0 {
		young, _ := slices.BinarySearchFunc(shown, now.Add(-s.maxAge), func(r *record, t time.Time) int { return r.created.Compare(t) })
		shown = shown[young:]
	}
	return shown
}

// store is the log that all nodes of a cluster share.
type store struct {
	now func() time.Time

	mu      sync.Mutex
	all     []*record
	streams map[string]*stream
	recent  map[[16]byte]*record
	order   [][16]byte // of recent, oldest first
	next    uint64
	news    chan struct{} // closed and replaced when there are more records
}

func newStore(now func() time.Time) *store {
	s := &store{now: now, streams: map[string]*stream{}, recent: map[[16]byte]*record{}, next: firstPosition, news: make(chan struct{})}
	s.system("$users", "$UserCreated")
	s.system("$settings", "$settings")
	return s
}

// system writes a record of the server's own.
func (s *store) system(name, kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := [16]byte{0xee, byte(len(s.all) >> 16), byte(len(s.all) >> 8), byte(len(s.all))} //nolint:gosec // a counter as an id
	s.write(name, []record{{id: id, kind: kind, contentType: jsonType, data: []byte("{}")}})
}

func (s *store) of(name string) *stream {
	found := s.streams[name]
	if found == nil {
		found = &stream{}
		s.streams[name] = found
	}
	return found
}

// write records events at the end of a stream; mu is held. It returns the last.
func (s *store) write(name string, events []record) *record {
	to := s.of(name)
	now := s.now().UTC().Truncate(100 * time.Nanosecond)
	for i := range events {
		r := &events[i]
		r.stream, r.revision, r.position, r.created = name, uint64(len(to.records)), s.next, now
		s.next += uint64(recordOverhead + len(name) + 2*len(r.kind) + len(r.data) + len(r.meta))
		to.records = append(to.records, r)
		s.all = append(s.all, r)
		s.remember(r)
	}
	if to.gone() {
		to.before = to.records[len(to.records)-len(events)].revision // revived: what was deleted stays so
	}
	s.apply(name, to.records[len(to.records)-1])
	close(s.news)
	s.news = make(chan struct{})
	return to.records[len(to.records)-1]
}

// apply lets the newest record of a metadata stream count for the stream it is about.
func (s *store) apply(name string, r *record) {
	if about, is := strings.CutPrefix(name, "$$"); is && r.kind == metadataType {
		s.of(about).settings = parseMetadata(r.data)
	}
}

func (s *store) remember(r *record) {
	s.recent[r.id] = r
	s.order = append(s.order, r.id)
	if len(s.order) > recentIDs {
		delete(s.recent, s.order[0])
		s.order = s.order[1:]
	}
}

// after returns up to n records behind the index without those that are gone, the index behind them, and a channel that is closed
// when there are more.
func (s *store) after(index, n int) (page []*record, next int, news <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for next = index; next < len(s.all) && len(page) < n; next++ {
		if !s.all[next].scavenged {
			page = append(page, s.all[next])
		}
	}
	return page, next, s.news
}

// earlier returns up to n records before the index, the latest first, and the index of the last of them.
func (s *store) earlier(index, n int) (page []*record, next int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for next = index; next > 0 && len(page) < n; next-- {
		if r := s.all[next-1]; !r.scavenged {
			page = append(page, r)
		}
	}
	return page, next
}

// scavenge removes what reading no stream shows any more, but the last event of each stream, which the server keeps.
func (s *store) scavenge() (removed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, of := range s.streams {
		hidden := uint64(len(of.records) - len(of.visible(s.now()))) //nolint:gosec // what is shown is a part
		if strings.HasPrefix(name, metadataPrefix) {
			hidden = uint64(len(of.records)) // only the newest counts
		}
		for ; of.scavenged+1 < uint64(len(of.records)) && of.scavenged < hidden; of.scavenged++ {
			r := of.records[of.scavenged]
			r.scavenged = true
			delete(s.recent, r.id)
			removed++
		}
	}
	return removed
}

// from returns the index of the first record with the position p or over it.
func (s *store) from(p uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sort.Search(len(s.all), func(i int) bool { return s.all[i].position >= p })
}

// behind returns the index of the first record with a position over p.
func (s *store) behind(p uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sort.Search(len(s.all), func(i int) bool { return s.all[i].position > p })
}

func (s *store) length() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// read returns the visible records of a stream.
func (s *store) read(name string) (shown []*record, tombstoned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.streams[name]
	if found == nil {
		return nil, false
	}
	return slices.Clip(found.visible(s.now())), found.tombstoned
}

// following returns the records of a stream from a revision on, and a channel that is closed when anything is written.
func (s *store) following(name string, from uint64) ([]*record, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.streams[name]
	if found == nil {
		return nil, s.news
	}
	shown := found.visible(s.now())
	first := sort.Search(len(shown), func(i int) bool { return shown[i].revision >= from })
	return slices.Clip(shown[first:]), s.news
}
