package ruleset_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/projectionstest"
	"github.com/assayhq/assay/projections/ruleset"
)

// While there is more to come, publishing waits, and the position with it: whoever goes on from there loses and doubles nothing.
// What is served at the end is what it is when every event comes alone.
func TestALongHistoryIsPublishedNowAndThen(t *testing.T) {
	h := projectionstest.New(t)
	h.Project("shop", project.Create{Key: "shop"})
	for i := range 2_000 {
		key := fmt.Sprintf("f%d", i)
		h.Raw("flag-shop."+key, flag.WireCreated, `{"project":"shop","key":"`+key+`","type":"boolean","variants":[{"key":"on","value":true}],"default":"on","off":"on"}`)
		h.Raw("flag-shop."+key, flag.WireTurnedOn, `{"environment":"production"}`)
	}
	records := h.Records()
	p, revisions := ruleset.New(), map[eventlog.Position]bool{}
	batches := 0
	for at := 0; at < len(records); batches++ {
		batch := records[at:min(at+projections.BatchRecords, len(records))]
		apply(t, p, batch)
		at += len(batch)
		if got := p.Position(); got != eventlog.Position(at) && (len(batch) < projections.BatchRecords || got > eventlog.Position(at)) {
			t.Fatalf("after %d events it is at %d", at, got)
		}
		if served, ok := p.Current(production); ok && served.Revision > p.Position() {
			t.Fatalf("at %d it serves what was at %d", p.Position(), served.Revision)
		}
		revisions[p.Position()] = true
	}
	if len(revisions) >= batches || len(revisions) < 4 {
		t.Errorf("%d batches were published %d times", batches, len(revisions))
	}
	want := ruleset.New()
	for batch := range slices.Chunk(records, 7) {
		apply(t, want, batch)
	}
	if !maps.Equal(view(p), view(want)) {
		t.Error("it serves something else than when events come a few at a time")
	}

	// A checkpoint ends the waiting, and a log that begins anew where the position is changes nothing.
	again := ruleset.New()
	apply(t, again, records[:3_000])
	apply(t, again, records[3_000:3_500])
	if again.Position() != 3_000 {
		t.Fatalf("it does not wait: it is at %d", again.Position())
	}
	apply(t, again, slices.Concat(records[3_000:3_500], records[3_500:], []eventlog.Recorded{{Position: h.Head()}}))
	if again.Position() != h.Head() || !maps.Equal(view(again), view(want)) {
		t.Errorf("it is at %d, and serves something else", again.Position())
	}
}
