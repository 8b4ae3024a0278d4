package flagimport_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/internal/flagimport"
)

// What a source says of a flag comes along: flagd's with those of the set, which are the flag's where it does not say otherwise.
func TestMetadataComeAlong(t *testing.T) {
	for _, tt := range []struct{ name, from, want, text string }{
		{"flagd", "flagd", `{"owner":"checkout","ratio":1.0,"team":"shop"}`, `{"metadata":{"flagSetId":"theirs","team":"shop","owner":"nobody"},"flags":{"f":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on",
			"metadata":{"version":"17","owner":"checkout","ratio":1.0,"stale":true,"list":[1]}}}}`},
		{"GO Feature Flag", "goff", `{"owner":"checkout","ratio":1,"team":"shop"}`, "f:\n  variations: {on: true}\n  defaultRule: {variation: on}\n  metadata: {version: \"17\", owner: checkout, team: shop, ratio: 1.0, stale: true, list: [1]}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := read(t, tt.from, tt.text, flagimport.Options{})
			if len(m.Problems) > 0 || len(m.Flags) != 1 {
				t.Fatalf("%+v", m)
			}
			notes := make([]string, len(m.Notes))
			for i, n := range m.Notes {
				notes[i] = n.Detail
			}
			if len(notes) != 2 || !slices.IsSorted(notes) || !strings.HasPrefix(notes[0], "of its metadata, list is left out") || !strings.HasPrefix(notes[1], "of its metadata, stale is left out") {
				t.Errorf("the notes are %q", notes)
			}
			if got, err := json.Marshal(m.Flags[0].Metadata); err != nil || string(got) != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := compiled(t, m).Decide("f", flags.Subject{Key: "u"}).Metadata.Values(); len(got) != 3 || got["owner"] != "checkout" {
				t.Errorf("an evaluation says %v", got)
			}
		})
	}
}
