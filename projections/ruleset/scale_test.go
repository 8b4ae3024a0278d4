package ruleset_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/ruleset"
)

// many is the history of an environment with n flags, written down by hand: deciding that many would take longer than folding
// them. A third has rules, a third splits.
func many(n int) []eventlog.Recorded {
	var out []eventlog.Recorded
	add := func(stream, name, body string) {
		out = append(out, eventlog.Recorded{
			Event: eventlog.Event{Type: name, Data: []byte(body)}, Stream: stream, Position: eventlog.Position(len(out) + 1), RecordedAt: time.Unix(1, 0),
		})
	}
	add("project-shop", project.WireCreated, `{"key":"shop","name":"Shop","environments":[{"key":"production","name":"Production"}]}`)
	for i := range n {
		key := fmt.Sprintf("flag-%06d", i)
		add("flag-shop."+key, flag.WireCreated,
			`{"project":"shop","key":"`+key+`","name":"A flag","type":"boolean","variants":[{"key":"on","value":true},{"key":"off","value":false}],"default":"on","off":"off"}`)
		split := `{"split":{"algorithm":"murmur3-32/1","salt":"shop.` + key + `/","total":100000,"weights":[{"variant":"on","weight":10000},{"variant":"off","weight":90000}]}}`
		switch i % 3 {
		case 0:
			add("flag-shop."+key, flag.WireTargetingChanged, `{"environment":"production","targeting":{"rules":[{"id":"rule-1","if":[{"attribute":"country","operator":"in","values":["DE","FR"]},{"attribute":"age","operator":"greater","values":[17]}],"serve":`+split+`}],"default":{"variant":"off"},"off":"off"}}`)
		case 1:
			add("flag-shop."+key, flag.WireTargetingChanged, `{"environment":"production","targeting":{"default":`+split+`,"off":"off"}}`)
		}
		add("flag-shop."+key, flag.WireTurnedOn, `{"environment":"production"}`)
	}
	return out
}

func toggled(at eventlog.Position, flagNumber, turn int) eventlog.Recorded {
	name := []string{flag.WireTurnedOff, flag.WireTurnedOn}[turn%2]
	return eventlog.Recorded{
		Event:  eventlog.Event{Type: name, Data: []byte(`{"environment":"production"}`)},
		Stream: fmt.Sprintf("flag-shop.flag-%06d", flagNumber), Position: at, RecordedAt: time.Unix(1, 0),
	}
}

// TestAHundredThousandFlags is the promise for one environment; the whole of it runs with ASSAY_SCALE=1, a tenth always. What it
// measures is told with -v.
func TestAHundredThousandFlags(t *testing.T) {
	n := 10_000
	if os.Getenv("ASSAY_SCALE") != "" {
		n = 100_000
	}
	before := heap()
	records := many(n)
	texts := heap() - before
	p := ruleset.New()
	start := time.Now()
	for batch := range slices.Chunk(records, 500) {
		apply(t, p, batch)
	}
	t.Logf("%d events are folded in %v", len(records), time.Since(start).Round(time.Millisecond))
	perFlag := float64(heap()-before-texts) / float64(n)
	t.Logf("the read model takes %.0f bytes for each of %d flags, %.0f MB", perFlag, n, perFlag*float64(n)/1e6)
	if perFlag > 4_000 {
		t.Errorf("%.0f bytes for each flag", perFlag)
	}
	before2 := heap()
	c := catalog.New()
	for batch := range slices.Chunk(records, 500) {
		if err := c.Apply(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the catalog takes %.0f bytes for each", float64(heap()-before2)/float64(n))
	runtime.KeepAlive(c)
	at := eventlog.Position(len(records))
	var slowest time.Duration
	client := current(t, p, production).Ruleset
	for i := range 50 {
		at++
		start := time.Now()
		apply(t, p, []eventlog.Recorded{toggled(at, i/2, i)})
		served := current(t, p, production)
		delta, known := served.Since(eventlog.Position(client.Revision()))
		if !known || len(delta.Flags) != 1 || len(delta.FlagsGone) != 0 {
			t.Fatalf("the delta is %+v", delta)
		}
		next, err := client.Apply(delta)
		if err != nil {
			t.Fatal(err)
		}
		client = next
		slowest = max(slowest, time.Since(start))
	}
	t.Logf("a change is folded, told and applied by a client in %v at most", slowest.Round(time.Microsecond))
	if slowest > time.Second {
		t.Errorf("a change takes %v", slowest)
	}
	start = time.Now()
	text := current(t, p, production).JSON()
	t.Logf("the whole, %d bytes, is put together in %v", len(text), time.Since(start).Round(time.Millisecond))
	if d := client.Decide("flag-000001", flags.Subject{Key: "u"}); d.Reason != flags.SplitReason || client.Len() != n {
		t.Errorf("%+v of %d", d.Outcome, client.Len())
	}
	runtime.KeepAlive(records)
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
