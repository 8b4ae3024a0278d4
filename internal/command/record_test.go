package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/internal/command"
)

const measured = "measurement-shop.production.2026-03-01"

// items is a batch of n measurements whose ids begin with a name, each with a property of some bytes that do not compress.
func items(name string, n, bytes int) measurement.Batch {
	b := measurement.Batch{Project: "shop", Environment: "production"}
	seed := uint64(1)
	for i := range n {
		var noise strings.Builder
		for noise.Len() < bytes {
			seed = seed*6364136223846793005 + 1442695040888963407 // Knuth's MMIX generator
			fmt.Fprintf(&noise, "%016x", seed)
		}
		m := measurement.Measurement{EventID: fmt.Sprintf("%s-%d", name, i), Event: "e", UnitType: "user", Unit: "u", OccurredAt: time.Unix(0, 0).UTC(), Value: 1}
		if bytes > 0 {
			m.Properties = map[string]json.RawMessage{"noise": json.RawMessage(`"` + noise.String()[:bytes] + `"`)}
		}
		b.Measurements = append(b.Measurements, m)
	}
	return b
}

// recordedItems reads the ids in a stream back, in order, and how many each event holds.
func (c *trial) recordedItems(stream string) (ids []string, sizes []int) {
	c.Helper()
	for _, e := range c.events(stream) {
		b, err := measurement.Decode(e.Type, e.Data)
		if err != nil || e.Type != measurement.WireBatchRecordedV2 || b.Len() > measurement.MaxItems || len(e.Data) > measurement.MaxBatchBytes {
			c.Fatalf("%s of %d bytes with %d items, %v", e.Type, len(e.Data), b.Len(), err)
		}
		for _, x := range b.Exposures {
			ids = append(ids, x.EventID)
		}
		for _, m := range b.Measurements {
			ids = append(ids, m.EventID)
		}
		sizes = append(sizes, b.Len())
	}
	return ids, sizes
}

func TestABatchIsRecordedInTheStreamOfItsDayInUTC(t *testing.T) {
	c := try(t)
	c.now = time.Date(2026, 3, 2, 0, 30, 0, 123_456_789, time.FixedZone("", 3600))
	position, err := c.RecordBatch(t.Context(), items("a", 2, 0), "key:server")
	if err != nil {
		t.Fatal(err)
	}
	recorded := c.events(measured)
	if len(recorded) != 1 || recorded[0].Position != position || recorded[0].Meta["actor"] != "key:server" || recorded[0].Meta["time"] != "2026-03-01T23:30:00.123Z" {
		t.Fatalf("recorded %+v", recorded)
	}
	b, err := measurement.Decode(recorded[0].Type, recorded[0].Data)
	if err != nil || !b.ReceivedAt.Equal(time.Date(2026, 3, 1, 23, 30, 0, 123_000_000, time.UTC)) || b.Project != "shop" || b.Environment != "production" {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := c.RecordBatch(t.Context(), measurement.Batch{}, "key:server"); !errors.Is(err, eventlog.ErrInvalid) {
		t.Errorf("an empty batch: %v", err)
	}
}

func TestBatchesThatAreTooBigAreRecordedInPartsAndLoseNothing(t *testing.T) {
	for name, b := range map[string]measurement.Batch{
		"many": items("a", 2_345, 0), "large": items("a", 700, 900), "both": items("a", 1_500, 900), "one": items("a", 1, 0), "odd": items("a", 1_001, 0),
	} {
		t.Run(name, func(t *testing.T) {
			c := try(t)
			var want []string
			for i, m := range b.Measurements {
				if i%3 == 0 { // some of them are exposures, which come first
					b.Exposures = append(b.Exposures, measurement.Exposure{EventID: "x-" + m.EventID, Experiment: "e", Variant: "v", UnitType: "user", Unit: "u", OccurredAt: m.OccurredAt})
				}
			}
			for _, x := range b.Exposures {
				want = append(want, x.EventID)
			}
			for _, m := range b.Measurements {
				want = append(want, m.EventID)
			}
			position, err := c.RecordBatch(t.Context(), b, "key:server")
			if err != nil {
				t.Fatal(err)
			}
			got, sizes := c.recordedItems(measured)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("recorded %d items in %v, want %d in their order", len(got), sizes, len(want))
			}
			if head, _ := c.log.Head(t.Context()); head != position {
				t.Errorf("position %d, the last is at %d", position, head)
			}
		})
	}
}

func TestBatchesThatComeTogetherShareAppends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := try(t)
		const writers = 200
		c.log.set(func(a appending) (eventlog.Position, error) {
			time.Sleep(time.Millisecond) // the disk, in synctest's time
			return a.do()
		})
		var wait sync.WaitGroup
		for i := range writers {
			wait.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Microsecond)
				name := fmt.Sprint("w", i)
				position, err := c.RecordBatch(context.Background(), items(name, 1, 0), "key:server")
				if err != nil {
					t.Error(err)
				}
				for _, e := range c.events(measured) {
					if b, _ := measurement.Decode(e.Type, e.Data); b.Measurements[0].EventID == name+"-0" && e.Position > position {
						t.Errorf("%s lies at %d, behind %d", name, e.Position, position)
					}
				}
			})
		}
		wait.Wait()
		ids, _ := c.recordedItems(measured)
		seen := map[string]bool{}
		for _, id := range ids {
			seen[id] = true
		}
		if len(seen) != writers || len(ids) != writers || c.log.count > 6 {
			t.Errorf("%d of %d recorded, %d of them once, in %d appends", len(seen), writers, len(ids), c.log.count)
		}
	})
}

func TestAnAppendIsSharedOnlyAsFarAsItFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := try(t)
		c.log.set(func(a appending) (eventlog.Position, error) {
			time.Sleep(time.Millisecond)
			return a.do()
		})
		var wait sync.WaitGroup
		for i := range 12 {
			wait.Go(func() {
				if _, err := c.RecordBatch(context.Background(), items(fmt.Sprint("w", i), 350, 900), "key:server"); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if ids, _ := c.recordedItems(measured); len(ids) != 12*350 {
			t.Errorf("%d items recorded", len(ids))
		}
	})
}

func TestAnotherNodeMayWriteTheSameStream(t *testing.T) {
	c := try(t)
	other := command.New(c.log, func() time.Time { return c.now })
	for i := range 5 {
		for j, s := range []*command.Service{c.Service, other} {
			if _, err := s.RecordBatch(t.Context(), items(fmt.Sprint(i, j), 1, 0), "key:server"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ids, _ := c.recordedItems(measured); len(ids) != 10 {
		t.Errorf("recorded %v", ids)
	}
}

func TestABatchWhoseOutcomeIsUnknownIsRecordedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := try(t)
		other := command.New(c.log.Log, func() time.Time { return c.now })
		c.log.once(measurement.WireBatchRecordedV2, func(a appending) (eventlog.Position, error) {
			if _, err := a.do(); err != nil {
				t.Error(err)
			}
			if _, err := other.RecordBatch(context.Background(), items("other", 1, 0), "key:server"); err != nil {
				t.Error(err)
			}
			return 0, eventlog.ErrUnknownOutcome
		})
		for _, name := range []string{"a", "b"} {
			if _, err := c.RecordBatch(t.Context(), items(name, 1, 0), "key:server"); err != nil {
				t.Fatal(err)
			}
		}
		if ids, _ := c.recordedItems(measured); fmt.Sprint(ids) != "[a-0 other-0 b-0]" {
			t.Errorf("recorded %v", ids)
		}
	})
}

func TestWhoeverStopsWaitingHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := try(t)
		disk := make(chan struct{})
		c.log.set(func(a appending) (eventlog.Position, error) {
			<-disk
			return a.do()
		})
		ctx, leave := context.WithCancel(t.Context())
		outcomes := map[string]error{}
		var (
			mu   sync.Mutex
			wait sync.WaitGroup
		)
		record := func(ctx context.Context, name string) {
			wait.Go(func() {
				_, err := c.RecordBatch(ctx, items(name, 1, 0), "key:server")
				mu.Lock()
				defer mu.Unlock()
				outcomes[name] = err
			})
			synctest.Wait()
		}
		record(t.Context(), "first") // is being written
		record(ctx, "gone")          // waits behind it, and leaves
		record(t.Context(), "stays")
		leave()
		synctest.Wait()
		if err := outcomes["gone"]; !errors.Is(err, context.Canceled) || errors.Is(err, eventlog.ErrUnknownOutcome) {
			t.Errorf("nothing of it was recorded, but it was told %v", err)
		}
		ctx, leave = context.WithCancel(t.Context())
		record(ctx, "late")
		disk <- struct{}{} // for the first; stays leads, late is in its group
		synctest.Wait()
		leave()
		synctest.Wait()
		if err := outcomes["late"]; !errors.Is(err, eventlog.ErrUnknownOutcome) || errors.Is(err, context.Canceled) {
			t.Errorf("it is being recorded, but it was told %v", err)
		}
		disk <- struct{}{}
		wait.Wait()
		if outcomes["first"] != nil || outcomes["stays"] != nil {
			t.Errorf("outcomes %v", outcomes)
		}
		if ids, _ := c.recordedItems(measured); fmt.Sprint(ids) != "[first-0 stays-0 late-0]" {
			t.Errorf("recorded %v", ids)
		}
		c.log.set(nil)
		record(t.Context(), "next")
		if wait.Wait(); outcomes["next"] != nil {
			t.Error("the stream is stuck")
		}
	})
}

func TestWhoeverLeavesWhenItIsItsTurnLetsTheNextLead(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			c := try(t)
			ctx, leave := context.WithCancel(t.Context())
			c.log.set(func(a appending) (eventlog.Position, error) {
				time.Sleep(time.Millisecond)
				position, err := a.do()
				leave() // just before the lead is passed on
				return position, err
			})
			var wait sync.WaitGroup
			for i, ctx := range []context.Context{t.Context(), ctx, t.Context()} {
				wait.Go(func() {
					if _, err := c.RecordBatch(ctx, items(fmt.Sprint(i), 1, 0), "key:server"); i != 1 && err != nil {
						t.Errorf("%d: %v", i, err)
					}
				})
				synctest.Wait()
			}
			wait.Wait()
		})
	}
}

func TestALeaderWhoseCallerLeavesServesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := try(t)
		c.log.set(func(a appending) (eventlog.Position, error) {
			time.Sleep(time.Second)
			return a.do()
		})
		ctx, leave := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer leave()
		var wait sync.WaitGroup
		for i, ctx := range []context.Context{t.Context(), ctx, t.Context(), t.Context()} {
			wait.Go(func() {
				if _, err := c.RecordBatch(ctx, items(fmt.Sprint(i), 1, 0), "key:server"); err != nil {
					t.Errorf("%d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		wait.Wait()
		if ids, _ := c.recordedItems(measured); len(ids) != 4 {
			t.Errorf("recorded %v", ids)
		}
	})
}

func TestAFailureReachesEverybodyInTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := try(t)
		c.log.set(func(appending) (eventlog.Position, error) {
			time.Sleep(time.Millisecond)
			return 0, eventlog.ErrUnavailable
		})
		var wait sync.WaitGroup
		for i := range 5 {
			wait.Go(func() {
				if _, err := c.RecordBatch(context.Background(), items(fmt.Sprint(i), 1, 0), "key:server"); !errors.Is(err, command.ErrUnavailable) {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		wait.Wait()
		c.log.set(nil)
		if _, err := c.RecordBatch(t.Context(), items("a", 1, 0), "key:server"); err != nil {
			t.Error(err)
		}
	})
}

// Turning a flag on and off, whose stream holds some events already (at most 20 more than named).
func BenchmarkFlag(b *testing.B) {
	for _, history := range []int{1, 100} {
		b.Run(fmt.Sprint(history, " events"), func(b *testing.B) {
			c := try(b)
			ok(c.Project(b.Context(), "shop", project.Create{}, o()))(b)
			var key domain.FlagKey
			done := 0
			b.ReportAllocs()
			for b.Loop() {
				if done%20 == 0 {
					b.StopTimer()
					key = domain.FlagKey(fmt.Sprint("f", done))
					ok(c.Flag(b.Context(), "shop", key, flag.Create{Type: flag.Boolean}, o()))(b)
					for i := range history - 1 {
						ok(c.Flag(b.Context(), "shop", key, flag.Describe{Name: fmt.Sprint(i)}, o()))(b)
					}
					b.StartTimer()
				}
				var what flag.Command = flag.TurnOn{Environment: "production"}
				if done%2 == 1 {
					what = flag.TurnOff{Environment: "production"}
				}
				if _, err := c.Flag(b.Context(), "shop", key, what, o()); err != nil {
					b.Fatal(err)
				}
				done++
			}
		})
	}
}

func BenchmarkRecordBatch1000(b *testing.B) {
	c, all := try(b), items("a", 1_000, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.RecordBatch(b.Context(), all, "key:server"); err != nil {
			b.Fatal(err)
		}
	}
}
