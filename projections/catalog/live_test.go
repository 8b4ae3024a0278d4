package catalog_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/projectionstest"
)

// view is all that can be seen of a read model.
func view(p *catalog.Projection) map[string]any {
	all, everything := catalog.Page{Limit: 200}, catalog.Filter{Archived: true}
	out := map[string]any{"position": p.Position(), "problems": p.Problems(), "admin": p.AnyAdminKey()}
	out["projects"], _, _ = p.Projects(all, "")
	at, hash, err := p.StateHash()
	out["state"] = fmt.Sprint(at, hash, err)
	for _, in := range []domain.ProjectKey{"", "shop", "blog"} {
		name := func(what string) string { return string(in) + " " + what }
		out[name("flags")], _, _ = p.Flags(in, all, everything)
		out[name("metrics")], _, _ = p.Metrics(in, all, everything)
		out[name("experiments")], _, _ = p.Experiments(in, all, everything, experiment.Status(""))
		out[name("keys")], _, _ = p.Keys(in, all)
		out[name("history")], _, _ = p.History(in, catalog.HistoryQuery{Page: all})
		out[name("k2")], _ = p.Key("k2")
		e, course, ok := p.ExperimentAt(in, "e", p.Position())
		out[name("e")] = []any{e, course, ok}
	}
	return out
}

// TestTheCatalogueDependsOnTheEventsAlone: one by one, all at once, and in overlapping batches of any size, the same events
// make the same catalogue.
func TestTheCatalogueDependsOnTheEventsAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := projectionstest.Random(rt, rapid.IntRange(1, 80).Draw(rt, "tries"), func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") })
		records := h.Records()
		whole, live, torn := catalog.New(), catalog.New(), catalog.New()
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
		for name, p := range map[string]*catalog.Projection{"one by one": live, "in overlapping batches": torn} {
			if got := view(p); !reflect.DeepEqual(got, want) {
				rt.Fatalf("%s:\n%v\nwant\n%v", name, got, want)
			}
		}
	})
}

// TestThePastIsWhatThePresentWas: looking back at a position shows what a catalogue showed that had seen no more.
func TestThePastIsWhatThePresentWas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := projectionstest.Random(rt, rapid.IntRange(1, 80).Draw(rt, "tries"), func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") })
		now, then := of(t, h), catalog.New()
		for _, r := range h.Records() {
			apply(t, then, []eventlog.Recorded{r})
			for _, in := range []domain.ProjectKey{"shop", "blog"} {
				if past, present := pastOf(now, in, r.Position), presentOf(then, in); !reflect.DeepEqual(past, present) {
					rt.Fatalf("%s at %d:\n%+v\nwant\n%+v", in, r.Position, past, present)
				}
			}
		}
	})
}

func pastOf(p *catalog.Projection, in domain.ProjectKey, at eventlog.Position) []any {
	m, hasMetric := p.MetricAt(in, "orders", at)
	e, _, hasExperiment := p.ExperimentAt(in, "e", at)
	out := []any{m, hasMetric, e, hasExperiment}
	for _, key := range []domain.FlagKey{"f0", "f1", "f2", "f3"} {
		f, ok := p.FlagAt(in, key, at)
		out = append(out, f, ok)
	}
	return out
}

func presentOf(p *catalog.Projection, in domain.ProjectKey) []any {
	m, hasMetric := p.Metric(in, "orders")
	e, hasExperiment := p.Experiment(in, "e")
	out := []any{m, hasMetric, e, hasExperiment}
	for _, key := range []domain.FlagKey{"f0", "f1", "f2", "f3"} {
		f, ok := p.Flag(in, key)
		out = append(out, f, ok)
	}
	return out
}

// TestReadersNeedNotWait reads everything while events are applied; the race detector is the judge. A reader that keeps what
// it got finds it unchanged.
func TestReadersNeedNotWait(t *testing.T) {
	next := uint64(1)
	h := projectionstest.Random(t, 4_000, func(n int) int {
		next = next*6364136223846793005 + 1442695040888963407 // Knuth's MMIX: the same history every time
		return int((next >> 33) % uint64(n))
	})
	if len(h.Records()) < 200 {
		t.Errorf("the history has only %d events", len(h.Records()))
	}
	p := catalog.New()
	applied := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() { keepAndCompare(t, p, applied) })
	}
	for batch := range slices.Chunk(h.Records(), 2) {
		apply(t, p, batch)
	}
	close(applied)
	readers.Wait()
}

func keepAndCompare(t *testing.T, p *catalog.Projection, applied <-chan struct{}) {
	var kept []map[string]any
	var texts []string
	for done := false; !done; {
		seen := view(p)
		if len(kept) < 50 {
			kept, texts = append(kept, seen), append(texts, textOf(t, seen))
		}
		select {
		case <-applied:
			done = true
		default:
		}
	}
	for i := range kept {
		if textOf(t, kept[i]) != texts[i] {
			t.Errorf("what was handed out at %v has changed", kept[i]["position"])
		}
	}
}

func textOf(t *testing.T, seen map[string]any) string {
	text, err := json.Marshal(seen)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// BenchmarkKey is the look-up that every request begins with, among 10,000 keys.
func BenchmarkKey(b *testing.B) {
	h := projectionstest.New(b)
	for i := range 10_000 {
		id := domain.KeyID(fmt.Sprintf("k%05d", i))
		h.Key(id, apikey.Issue{Key: apikey.Key{ID: id, Kind: apikey.Admin, Name: "n", Hash: projectionstest.Hash}})
	}
	p := of(b, h)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if e, ok := p.Key("k05000"); !ok || e.State.Revoked {
				b.Error("not found")
			}
		}
	})
}

// BenchmarkRebuild reads 10,000 streams of one event in batches of 500, as the Runner does.
func BenchmarkRebuild(b *testing.B) {
	h := projectionstest.New(b)
	for i := range 10_000 {
		id := domain.KeyID(fmt.Sprintf("k%05d", i))
		h.Key(id, apikey.Issue{Key: apikey.Key{ID: id, Kind: apikey.Admin, Name: "n", Hash: projectionstest.Hash}})
	}
	for b.Loop() {
		p := catalog.New()
		for batch := range slices.Chunk(h.Records(), 500) {
			apply(b, p, batch)
		}
	}
	b.ReportMetric(float64(len(h.Records()))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
