package flags_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/flags"
)

func summed(key string, revision uint64) flags.Flag {
	return flags.Flag{
		Key: key, Type: flags.Boolean, Revision: revision, On: true, Off: "on", Default: flags.Serve{Variant: "on"},
		Variants: []flags.Variant{{Key: "on", Value: json.RawMessage("true")}},
	}
}

// However a ruleset came about, its sum is that of the whole; one delta left out is told by it. The oracle is compiling the
// whole snapshot.
func TestTheSumTellsWhetherADeltaWasMissed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := flags.Snapshot{Format: flags.Format, Project: "p", Environment: "e", Revision: 1, Flags: []flags.Flag{summed("a", 1)}}
		rules, err := flags.Compile(whole)
		if err != nil {
			t.Fatal(err)
		}
		behind := rules // has missed the deltas before
		for revision := uint64(2); revision < 12; revision++ {
			key := fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "key"))
			d := flags.Delta{Format: flags.Format, Project: "p", Environment: "e", Since: revision - 1, Revision: revision}
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				d.FlagsGone = []string{key}
			case 1:
				d.Segments = []flags.Segment{{Key: key, Revision: revision, Included: flags.NewIDs("u")}}
			case 2:
				d.SegmentsGone = []string{key}
			default:
				d.Flags = []flags.Flag{summed(key, revision)}
			}
			if whole, err = whole.Apply(d); err != nil {
				t.Fatal(err)
			}
			if rules, err = rules.Apply(d); err != nil {
				t.Fatal(err)
			}
			compiled, err := flags.Compile(whole)
			if err != nil {
				t.Fatal(err)
			}
			if rules.Sum() != compiled.Sum() {
				t.Fatalf("by deltas %x, as a whole %x", rules.Sum(), compiled.Sum())
			}
			d.Since = behind.Revision() // a server that is wrong about where the client is
			late, err := behind.Apply(d)
			if err != nil {
				t.Fatal(err)
			}
			same := len(late.Changed(rules)) == 0
			if late.Sum() == rules.Sum() && !same {
				t.Fatalf("the sum does not tell %v from %v", late.Keys(), rules.Keys())
			}
		}
	})
}
