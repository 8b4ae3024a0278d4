package pebblelog

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

// One operation is one durable append of one event of 500 bytes. The log and bare Pebble, which writes the same keys and the
// same bytes with as many goroutines and without any check, take turns of a quarter of a second, so both meet the same
// neighbours on the machine; "%-of-raw" is the log's rate over Pebble's.
func BenchmarkAppendBesideRawPebble(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			log := open(b, b.TempDir(), Options{})
			raw := openRaw(b)
			turns := []*turn{
				{append: func(w, n int) error {
					_, err := log.Append(b.Context(), fmt.Sprintf("flag-%d", w), eventlog.Revision(n)-1, sample(fmt.Sprintf("flag-%d", w), n))
					return err
				}},
				{append: raw.append},
			}
			for n := 0; turns[0].done.Load() < int64(b.N) || turns[1].done.Load() == 0; n++ {
				turns[n%2].take(b, writers, max(1, b.N/8))
			}
			rate := func(t *turn) float64 { return float64(t.done.Load()) / t.took.Seconds() }
			b.ReportMetric(rate(turns[0]), "events/s")
			b.ReportMetric(rate(turns[1]), "raw-events/s")
			b.ReportMetric(100*rate(turns[0])/rate(turns[1]), "%-of-raw")
		})
	}
}

// turn lets some writers append for a while.
type turn struct {
	append func(writer, n int) error
	next   [64]int // per writer
	done   atomic.Int64
	took   time.Duration
}

func (t *turn) take(b *testing.B, writers, most int) {
	began := time.Now()
	var left atomic.Int64
	left.Store(int64(most))
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for left.Add(-1) >= 0 && time.Since(began) < 250*time.Millisecond {
				if err := t.append(w, t.next[w]); err != nil {
					b.Error(err)
					return
				}
				t.next[w]++
				t.done.Add(1)
			}
		})
	}
	group.Wait()
	t.took += time.Since(began)
}

// rawStore is Pebble with the log's settings and nothing around it.
type rawStore struct {
	db   *pebble.DB
	last atomic.Uint64
}

func openRaw(b *testing.B) *rawStore {
	dir, options, err := complete(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	l := &Log{latch: &latch{tell: func(error) {}}, trouble: &trouble{met: make(chan struct{})}, cache: pebble.NewCache(cacheBytes)}
	db, err := pebble.Open(dir, l.settings(options))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
		l.cache.Unref()
	})
	return &rawStore{db: db}
}

func (r *rawStore) append(w, n int) error {
	stream := fmt.Sprintf("flag-%d", w)
	// The chain is the log's business: here it is 64 bytes like any.
	record := eventlog.AppendCanonical(make([]byte, atDigest, 600), stream, sample(stream, n))
	p := r.last.Add(1)
	batch := r.db.NewBatch()
	defer batch.Close()
	for _, kv := range [][2][]byte{
		{eventKey(nil, eventlog.Position(p)), record},
		{streamKey(nil, stream, eventlog.Revision(n)), binary.BigEndian.AppendUint64(nil, p)},
		{categoryKey(nil, "flag", eventlog.Position(p)), nil},
	} {
		if err := batch.Set(kv[0], kv[1], nil); err != nil {
			return err
		}
	}
	return batch.Commit(pebble.Sync)
}
