package pebblelog

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/assayhq/assay/eventlog"
)

// sample is an event of about 500 bytes, half of them random.
func sample(command string, index int) eventlog.Event {
	id := eventlog.NewID(command, index)
	return eventlog.Event{
		ID: id, Type: "TargetingChanged",
		Data: append(bytes.Repeat([]byte(`{"on":true}`), 15), bytes.Repeat(id[:], 10)...),
		Meta: map[string]string{"actor": "ann", "commandId": command, "reason": "rolling out to everybody", "source": "api"},
	}
}

// Every append is one event, at the exact revision, and durable when it is counted.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			log := open(b, b.TempDir(), Options{})
			b.ReportAllocs()
			var done atomic.Int64
			b.ResetTimer()
			var group sync.WaitGroup
			for w := range writers {
				group.Go(func() { appendSamples(b, log, fmt.Sprintf("flag-%d", w), &done) })
			}
			group.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// appendSamples appends to a stream until all writers together have appended b.N times.
func appendSamples(b *testing.B, log *Log, stream string, done *atomic.Int64) {
	for r := eventlog.NoStream; done.Add(1) <= int64(b.N); r++ {
		if _, err := log.Append(b.Context(), stream, r, sample(stream, int(r)+1)); err != nil {
			b.Error(err)
			return
		}
	}
}

// filled returns a log of n events over the given number of streams, interleaved, and the position of the last.
func filled(b *testing.B, n, streams int) (*Log, eventlog.Position) {
	b.Helper()
	log := open(b, b.TempDir(), Options{})
	const group = 10
	var last eventlog.Position
	events := make([]eventlog.Event, group)
	for i := 0; i < n; i += group {
		stream := fmt.Sprintf("%s-%d", []string{"flag", "measurement"}[i/group%2], i/group%streams)
		for j := range events {
			events[j] = sample(stream, i+j)
		}
		p, err := log.Append(b.Context(), stream, eventlog.Any, events...)
		if err != nil {
			b.Fatal(err)
		}
		last = p
	}
	if err := log.db.Flush(); err != nil {
		b.Fatal(err)
	}
	return log, last
}

// One operation reads 100,000 events from the first to the head.
func BenchmarkReplay(b *testing.B) {
	log, last := filled(b, 100_000, 1_000)
	for name, filter := range map[string]eventlog.Filter{"all": {}, "one-category-of-two": {Categories: []string{"flag"}}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			count := 0
			for b.Loop() {
				events, at := replay(b, log, filter)
				if at != last {
					b.Fatalf("the head is %d, want %d", at, last)
				}
				count += events
			}
			b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// One operation reads a million events of 500 bytes, half of them random, from the first to the head.
func BenchmarkReplayAMillion(b *testing.B) {
	const n = 1_000_000
	log := open(b, b.TempDir(), Options{})
	loaded, err := log.Load(b.Context(), func(yield func(eventlog.Entry, error) bool) {
		for i := range n {
			stream := fmt.Sprintf("flag-%d", i%10_000)
			e := eventlog.Entry{Recorded: eventlog.Recorded{Stream: stream, Revision: eventlog.Revision(i / 10_000), Event: sample(stream, i/10_000)}}
			if !yield(e, nil) {
				return
			}
		}
	})
	if err != nil || loaded != n {
		b.Fatal(loaded, err)
	}
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			if events, _ := replay(b, log, eventlog.Filter{}); events != n {
				b.Fatalf("%d events", events)
			}
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if seen, err := log.Verify(b.Context(), func(f Fault) { b.Error(f) }); err != nil || seen.Events != n {
				b.Fatal(seen, err)
			}
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
	})
}

func replay(b *testing.B, log *Log, filter eventlog.Filter) (events int, head eventlog.Position) {
	for e, err := range log.All(b.Context(), 0, filter) {
		if err != nil {
			b.Fatal(err)
		}
		if e.IsCheckpoint() {
			return events, e.Position
		}
		events++
	}
	return events, 0
}

// One operation reads a stream of 100 events out of 1,000 such streams.
func BenchmarkStream(b *testing.B) {
	log, _ := filled(b, 100_000, 1_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		count := 0
		stream := fmt.Sprintf("%s-%d", []string{"flag", "measurement"}[i%2], i%1_000)
		for _, err := range log.Stream(b.Context(), stream, 0) {
			if err != nil {
				b.Fatal(err)
			}
			count++
		}
		if count != 100 {
			b.Fatalf("%s has %d events, want 100", stream, count)
		}
		i += 7
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "streams/s")
}
