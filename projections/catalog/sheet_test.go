package catalog_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/projectionstest"
)

// The texts of hundreds of events fill many sheets. Each comes back as it is in the log, with its time, whatever it is, and a
// flag is at every position what its events make of it. The oracles are the log and the domain's own fold.
func TestWhatIsPackedComesBackAsItWas(t *testing.T) {
	h := shop(t)
	first := h.Head()
	for i := range 30 {
		h.Reason = fmt.Sprint("reason ", i)
		for n := range 10 {
			h.Flag("shop", "f0", flag.Describe{Name: fmt.Sprint("Name ", i), Description: strings.Repeat(fmt.Sprint(i*n, " "), 300)})
			h.Flag("shop", "f1", flag.Describe{Name: fmt.Sprint("Name ", n, " of ", i)})
		}
	}
	records := h.Records()
	times := []string{"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.5Z", "not at all"}
	for i, text := range times {
		records[int(first)+i].Meta["time"] = text
	}
	p := catalog.New()
	apply(t, p, records)
	cursor, seen, state := "", 0, map[string]flag.State{}
	for more := true; more; more = cursor != "" {
		changes, next, err := p.History("shop", catalog.HistoryQuery{Page: catalog.Page{Limit: 70, After: cursor}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			r := records[c.Position-1]
			at, err := time.Parse(time.RFC3339Nano, r.Meta["time"])
			if err != nil {
				at = r.RecordedAt
			}
			if string(c.Data) != string(r.Data) || c.Revision != r.Revision || !c.At.Equal(at) || c.Reason != r.Meta["reason"] || c.Event != r.Type {
				t.Errorf("position %d is %+v, want %+v", c.Position, c, r)
			}
			seen++
		}
		cursor = next
	}
	if seen != len(records) {
		t.Errorf("%d changes of %d", seen, len(records))
	}
	for _, r := range records {
		if r.Stream != "flag-shop.f0" {
			continue
		}
		event, err := flag.Aggregate.Decode(r.Type, r.Data)
		if err != nil {
			t.Fatal(err)
		}
		state[r.Stream] = flag.Aggregate.Evolve(state[r.Stream], event)
		if got, ok := p.FlagAt("shop", "f0", r.Position); !ok || got.Position != r.Position || !reflect.DeepEqual(got.State, state[r.Stream]) {
			t.Fatalf("at %d it was %+v, want %+v", r.Position, got, state[r.Stream])
		}
	}
	now, _ := p.Flag("shop", "f0")
	if !reflect.DeepEqual(now.State, state["flag-shop.f0"]) || !now.CreatedAt.Equal(projectionstest.At(2)) {
		t.Errorf("it is %+v, want %+v", now, state["flag-shop.f0"])
	}
}
