package esdb

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
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

// Every append is one event at the exact revision. The bare client does what a user of it would: the same events, ids and
// revisions, nothing else. The server is in this process and keeps everything in memory.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		cluster := esdbtest.Start(b, esdbtest.Options{})
		log, client := open(b, cluster.ConnectionString(), Options{}), direct(b, cluster)
		for name, write := range map[string]func(stream string, r eventlog.Revision) error{
			"adapter": func(stream string, r eventlog.Revision) error {
				_, err := log.Append(b.Context(), stream, r, sample(stream, int(r)+1))
				return err
			},
			"bare": func(stream string, r eventlog.Revision) error {
				e := sample(stream, int(r)+1)
				meta, err := json.Marshal(e.Meta)
				if err != nil {
					return err
				}
				_, err = client.AppendToStream(b.Context(), stream, driver.AppendToStreamOptions{ExpectedRevision: expectedRevision(r)}, driver.EventData{
					EventID: [16]byte(e.ID), EventType: e.Type, Data: e.Data, Metadata: meta,
				})
				return err
			},
		} {
			run := 0
			b.Run(fmt.Sprintf("writers=%d/%s", writers, name), func(b *testing.B) {
				run++
				b.ReportAllocs()
				var done atomic.Int64
				var group sync.WaitGroup
				for w := range writers {
					group.Go(func() {
						stream := fmt.Sprintf("flag-%s-%d-%d", name, run, w)
						for r := eventlog.NoStream; done.Add(1) <= int64(b.N); r++ {
							if err := write(stream, r); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				group.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

// One operation reads 50,000 events from the first to caught-up: everything, or one category of two.
func BenchmarkReplay(b *testing.B) {
	const n, batch = 50_000, 100
	cluster := esdbtest.Start(b, esdbtest.Options{})
	log, client := open(b, cluster.ConnectionString(), Options{}), direct(b, cluster)
	for i := range n / batch {
		stream := fmt.Sprintf("%s-%d", []string{"flag", "measurement"}[i%2], i)
		events := make([]eventlog.Event, batch)
		for j := range events {
			events[j] = sample(stream, j)
		}
		if _, err := log.Append(b.Context(), stream, eventlog.NoStream, events...); err != nil {
			b.Fatal(err)
		}
	}
	report := func(b *testing.B, read func() int, want int) {
		b.ReportAllocs()
		for b.Loop() {
			if got := read(); got != want {
				b.Fatalf("%d events, want %d", got, want)
			}
		}
		b.ReportMetric(float64(want*b.N)/b.Elapsed().Seconds(), "events/s")
	}
	adapter := func(filter eventlog.Filter) func() int {
		return func() (events int) {
			for e, err := range log.All(b.Context(), 0, filter) {
				if err != nil {
					b.Fatal(err)
				}
				if e.IsCheckpoint() {
					return events
				}
				events++
			}
			return events
		}
	}
	bare := func(filter *driver.SubscriptionFilter) func() int {
		return func() (events int) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			s, err := client.SubscribeToAll(ctx, driver.SubscribeToAllOptions{From: driver.Start{}, Filter: filter, MaxSearchWindow: searchWindow})
			if err != nil {
				b.Fatal(err)
			}
			for {
				switch e := s.Recv(); {
				case e.EventAppeared != nil:
					events++
				case e.CaughtUp != nil:
					return events
				case e.SubscriptionDropped != nil:
					b.Fatal(e.SubscriptionDropped.Error)
				}
			}
		}
	}
	b.Run("all/adapter", func(b *testing.B) { report(b, adapter(eventlog.Filter{}), n) })
	b.Run("all/bare", func(b *testing.B) { report(b, bare(log.filter()), n) })
	b.Run("category/adapter", func(b *testing.B) { report(b, adapter(eventlog.Filter{Categories: []string{"flag"}}), n/2) })
	b.Run("category/bare", func(b *testing.B) { report(b, bare(log.narrow([]string{"flag"})), n/2) })
}
