package pebblelog

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/assayhq/assay/eventlog"
)

// One operation is one durable append of one event of 500 bytes. The log and bare Pebble, which writes the same keys and the
// same bytes with as many goroutines and without any check, take turns of a tenth of a second, so both meet the same
// neighbours on the machine; "%-of-raw" is the median of the log's rates over those of Pebble's next turns.
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
			var rates [2][]float64
			var ratios []float64
			for done := int64(0); done < int64(b.N); {
				ours := turns[0].take(b, writers, b.N)
				raw := turns[1].take(b, writers, b.N)
				rates[0], rates[1], ratios = append(rates[0], ours), append(rates[1], raw), append(ratios, 100*ours/raw)
				done = turns[0].done.Load()
			}
			b.ReportMetric(median(rates[0]), "events/s")
			b.ReportMetric(median(rates[1]), "raw-events/s")
			b.ReportMetric(median(ratios), "%-of-raw")
		})
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// turn lets some writers append for a while.
type turn struct {
	append func(writer, n int) error
	next   [64]int // per writer
	done   atomic.Int64
}

// take returns the rate of one turn, in events a second.
func (t *turn) take(b *testing.B, writers, most int) float64 {
	began, before := time.Now(), t.done.Load()
	var left atomic.Int64
	left.Store(int64(most))
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for left.Add(-1) >= 0 && time.Since(began) < 100*time.Millisecond {
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
	return float64(t.done.Load()-before) / time.Since(began).Seconds()
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
