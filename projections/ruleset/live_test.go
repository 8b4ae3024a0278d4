package ruleset_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/projections/projectionstest"
	"github.com/assayhq/assay/projections/ruleset"
)

// received empties the channel and reports whether there was anything.
func received(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func switched(t testing.TB) *projectionstest.History {
	h := projectionstest.New(t)
	h.Project("shop", project.Create{Key: "shop"})
	h.Flag("shop", "a", flag.Create{Project: "shop", Key: "a", Type: flag.Boolean})
	return h
}

func TestASubscriberHearsOfEveryChangeOfItsEnvironment(t *testing.T) {
	h := switched(t)
	p := of(t, h)
	changes, cancel := p.Subscribe(production)
	defer cancel()
	if received(changes) {
		t.Error("it heard of what was there before")
	}
	step := func(c flag.Command) {
		head := h.Head()
		h.Flag("shop", "a", c)
		apply(t, p, h.Records()[head:])
	}
	step(flag.TurnOn{Environment: "staging"})
	step(flag.Describe{Name: "A"})
	if received(changes) {
		t.Error("it heard of what does not concern it")
	}
	step(flag.TurnOn{Environment: "production"})
	if !received(changes) || received(changes) {
		t.Error("a change is not heard of exactly once")
	}
	step(flag.TurnOff{Environment: "production"})
	step(flag.TurnOn{Environment: "production"})
	step(flag.TurnOff{Environment: "production"})
	if !received(changes) || received(changes) {
		t.Error("changes that nobody received meanwhile are not one")
	}
}

func TestThereAndBackInOneBatchIsAChange(t *testing.T) {
	h := switched(t)
	p := of(t, h)
	before, head := current(t, p, production), h.Head()
	changes, cancel := p.Subscribe(production)
	defer cancel()
	h.Flag("shop", "a", flag.TurnOn{Environment: "production"})
	h.Flag("shop", "a", flag.TurnOff{Environment: "production"})
	apply(t, p, h.Records()[head:])
	if !received(changes) {
		t.Error("nobody heard of it")
	}
	if now := current(t, p, production); now.Revision != 4 || now.ETag == before.ETag {
		t.Errorf("the revision is %d, want 4", now.Revision)
	}
}

func TestASubscriberMayWaitForAnEnvironmentToCome(t *testing.T) {
	h, p := switched(t), ruleset.New()
	changes, cancel := p.Subscribe(production)
	gone, cancelGone := p.Subscribe(production)
	cancelGone()
	cancelGone()
	apply(t, p, h.Records())
	if !received(changes) {
		t.Error("it did not hear that the environment is there")
	}
	if received(gone) {
		t.Error("a cancelled one heard of it")
	}
	cancel()
}

// TestNobodyMissesTheLastChange: a reader that looks only when told ends at the newest revision, and revisions never go back.
func TestNobodyMissesTheLastChange(t *testing.T) {
	h := switched(t)
	const turns = 300
	for range turns {
		h.Flag("shop", "a", flag.TurnOn{Environment: "production"})
		h.Flag("shop", "a", flag.TurnOff{Environment: "production"})
	}
	p := ruleset.New()
	var readers sync.WaitGroup
	for range 4 {
		changes, cancel := p.Subscribe(production)
		readers.Go(func() {
			defer cancel()
			for seen := eventlog.Position(0); seen < h.Head(); {
				<-changes
				served, ok := p.Current(production)
				if !ok || served.Revision < seen || uint64(served.Revision) != served.Ruleset.Revision() {
					t.Errorf("after %d comes %+v", seen, served)
					return
				}
				seen = served.Revision
				served.Ruleset.Decide("a", flags.Subject{Key: "u"})
				p.Problems()
				p.Position()
			}
		})
	}
	for batch := range slices.Chunk(h.Records(), 3) {
		apply(t, p, batch)
	}
	readers.Wait()
}

// view is all that can be seen of a read model.
func view(p *ruleset.Projection) map[string]string {
	out := map[string]string{"position": fmt.Sprint(p.Position()), "problems": fmt.Sprint(p.Problems())}
	for _, in := range []domain.ProjectKey{"shop", "blog", "late"} {
		for _, environment := range []domain.EnvironmentKey{"production", "staging", "e2e"} {
			if served, ok := p.Current(ruleset.Place{Project: in, Environment: environment}); ok {
				out[fmt.Sprint(in, "/", environment)] = served.ETag + string(served.JSON())
			}
		}
	}
	at, hash, err := p.StateHash()
	out["state"] = fmt.Sprint(at, hash, err)
	return out
}

// content is a snapshot without its revisions.
func content(s flags.Snapshot) string {
	s.Revision, s.Flags = 0, slices.Clone(s.Flags)
	for i := range s.Flags {
		s.Flags[i].Revision = 0
	}
	for i := range s.Segments {
		s.Segments[i].Revision = 0
	}
	text, _ := json.Marshal(s)
	return string(text)
}

// TestWhatIsServedDependsOnTheEventsAlone: one by one, all at once, and in overlapping batches of any size, the same events
// make the same bytes.
func TestWhatIsServedDependsOnTheEventsAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := projectionstest.Random(rt, rapid.IntRange(1, 80).Draw(rt, "tries"), func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") })
		records := h.Records()
		whole, live, torn := ruleset.New(), ruleset.New(), ruleset.New()
		apply(t, whole, records)
		for i := range records {
			apply(t, live, records[i:i+1])
		}
		for end := 0; end < len(records); {
			start := max(0, end-rapid.IntRange(0, 10).Draw(rt, "overlap"))
			end = min(len(records), end+rapid.IntRange(1, 30).Draw(rt, "batch"))
			apply(t, torn, records[start:end])
		}
		want := view(whole)
		for name, p := range map[string]*ruleset.Projection{"one by one": live, "in overlapping batches": torn} {
			if got := view(p); !maps.Equal(got, want) {
				rt.Fatalf("%s:\n%v\nwant\n%v", name, got, want)
			}
		}
	})
}

// TestARevisionMovesExactlyWhenTheContentDoes compares what is served before and after every event.
func TestARevisionMovesExactlyWhenTheContentDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := projectionstest.Random(rt, rapid.IntRange(1, 80).Draw(rt, "tries"), func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") })
		p := ruleset.New()
		for _, r := range h.Records() {
			before, was := p.Current(production)
			apply(t, p, []eventlog.Recorded{r})
			after, is := p.Current(production)
			if is {
				for _, problem := range after.Ruleset.Problems() {
					// That a segment is there is for the write path to see, which can look into other streams.
					if !strings.Contains(problem.Detail, "it is not there") {
						rt.Fatalf("at %d what a decider allowed does not compile: %v", r.Position, problem)
					}
				}
			}
			switch {
			case was != is:
				if after.Revision != r.Position {
					rt.Fatalf("the environment came at %d and has revision %d", r.Position, after.Revision)
				}
			case !is:
			case content(before.Snapshot()) == content(after.Snapshot()):
				if before != after {
					rt.Fatalf("%s at %d changed nothing, but the revision went from %d to %d", r.Type, r.Position, before.Revision, after.Revision)
				}
			case after.Revision != r.Position:
				rt.Fatalf("%s at %d changed what is served, but the revision is %d", r.Type, r.Position, after.Revision)
			}
		}
	})
}

// TestADeltaLeadsFromAnyEarlierRevisionToTheLatest: whatever happened in between, the snapshot of back then with the delta
// applied is the snapshot of now, and the ruleset with the delta applied decides like the one of now.
func TestADeltaLeadsFromAnyEarlierRevisionToTheLatest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := projectionstest.Random(rt, rapid.IntRange(1, 120).Draw(rt, "tries"), func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") })
		p := ruleset.New()
		var all []*ruleset.Served
		for _, r := range h.Records() {
			apply(t, p, []eventlog.Recorded{r})
			if served, ok := p.Current(production); ok && (len(all) == 0 || all[len(all)-1] != served) {
				all = append(all, served)
			}
		}
		if len(all) == 0 {
			return
		}
		now := all[len(all)-1]
		want, _ := json.Marshal(now.Snapshot())
		for _, was := range all {
			delta, known := now.Since(was.Revision)
			if !known {
				rt.Fatalf("nobody knows what happened since %d", was.Revision)
			}
			text, _ := json.Marshal(delta)
			var read flags.Delta
			if err := json.Unmarshal(text, &read); err != nil {
				rt.Fatal(err)
			}
			snapshot, err := was.Snapshot().Apply(read)
			if err != nil {
				rt.Fatal(err)
			}
			if got, _ := json.Marshal(snapshot); string(got) != string(want) {
				rt.Fatalf("from %d\n%s\nby %s\nto\n%s\nwant\n%s", was.Revision, was.JSON(), text, got, want)
			}
			rules, err := was.Ruleset.Apply(read)
			if err != nil {
				rt.Fatal(err)
			}
			for _, user := range []string{"u0", "u1", "u2"} {
				who := flags.Subject{Key: user, Attributes: map[string]any{"plan": 1}}
				for key, d := range now.Ruleset.All(who) {
					if got := rules.Decide(key, who); got.Variant != d.Variant || got.Reason != d.Reason || got.ErrorCode != d.ErrorCode || got.Revision != d.Revision {
						rt.Fatalf("%s serves %s %+v, want %+v", key, user, got.Outcome, d.Outcome)
					}
				}
			}
		}
		if _, known := now.Since(now.Revision + 1); known {
			rt.Fatal("the future is known")
		}
	})
}

// thousand is a history of 1,000 flags with rules and splits, 5 events each, in 2 environments.
func thousand(t testing.TB) []eventlog.Recorded {
	h := projectionstest.New(t)
	h.Project("shop", project.Create{Key: "shop"})
	for i := range 1_000 {
		key := domain.FlagKey(fmt.Sprintf("flag-%04d", i))
		h.Flag("shop", key, flag.Create{Project: "shop", Key: key, Type: flag.Boolean})
		targeting, split := rule("Pros"), projectionstest.Half("on", "off")
		targeting.Default = flag.Serve{Split: &split}
		h.Flag("shop", key, flag.ChangeTargeting{Environment: "production", Targeting: targeting})
		h.Flag("shop", key, flag.TurnOn{Environment: "production"})
		h.Flag("shop", key, flag.ChangeTargeting{Environment: "staging", Targeting: targeting})
		h.Flag("shop", key, flag.TurnOn{Environment: "staging"})
	}
	return h.Records()
}

// BenchmarkRebuild folds and compiles 1,000 flags from 5,001 events, in batches of 500 as the Runner does.
func BenchmarkRebuild(b *testing.B) {
	records := thousand(b)
	for b.Loop() {
		p := ruleset.New()
		for batch := range slices.Chunk(records, 500) {
			apply(b, p, batch)
		}
	}
	b.ReportMetric(float64(len(records))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkChange is one switch of one flag among 1,000, until it is served.
func BenchmarkChange(b *testing.B) {
	records := thousand(b)
	p := ruleset.New()
	apply(b, p, records)
	at := eventlog.Position(len(records))
	for b.Loop() {
		at++
		name := []string{flag.WireTurnedOff, flag.WireTurnedOn}[at%2]
		apply(b, p, []eventlog.Recorded{{
			Event:  eventlog.Event{Type: name, Data: []byte(`{"environment":"production"}`)},
			Stream: "flag-shop.flag-0500", Position: at,
		}})
	}
}

// BenchmarkCurrent is the look-up that every evaluation begins with.
func BenchmarkCurrent(b *testing.B) {
	p := of(b, switched(b))
	for b.Loop() {
		if _, ok := p.Current(production); !ok {
			b.Fatal("not served")
		}
	}
}
