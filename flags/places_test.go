package flags_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/flags"
)

// Flags and ids are found whatever their length, and what is not there is not: keys that differ in one byte only, at every
// place. The oracle is what was put in.
func TestTextsOfEveryLengthAreFound(t *testing.T) {
	s := flags.Snapshot{Format: flags.Format, Project: "p", Environment: "e"}
	var ids, others []string
	for size := range 70 {
		for at := range size {
			key := strings.Repeat("k", at) + "x" + strings.Repeat("k", size-at-1)
			ids = append(ids, key)
			others = append(others, strings.Repeat("k", at)+"y"+strings.Repeat("k", size-at-1))
			s.Flags = append(s.Flags, summed(key, uint64(len(ids))))
		}
	}
	rules, err := flags.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	set := flags.NewIDs(ids...)
	for i, key := range ids {
		if e := rules.Explain(key, flags.Subject{}); e.FlagRevision != uint64(i+1) || !set.Has(key) {
			t.Errorf("%q is flag %d, %v", key, e.FlagRevision, set.Has(key))
		}
		if d := rules.Decide(others[i], flags.Subject{}); d.ErrorCode != flags.FlagNotFound || set.Has(others[i]) {
			t.Errorf("%q is there", others[i])
		}
	}
}

// Keys that come later, more of them than wait beside the index, are found in the ruleset that they came to and in none
// before; two rulesets that come from one give the same places to different keys.
func TestNewKeysAreFound(t *testing.T) {
	root, err := flags.Compile(flags.Snapshot{Format: flags.Format, Project: "p", Environment: "e", Flags: []flags.Flag{summed("root", 1)}})
	if err != nil {
		t.Fatal(err)
	}
	const steps, each = 6, 300
	grow := func(branch string) []*flags.Ruleset {
		grown := []*flags.Ruleset{root}
		for step := range uint64(steps) {
			d := flags.Delta{Format: flags.Format, Project: "p", Environment: "e", Since: step, Revision: step + 1}
			for i := range each {
				d.Flags = append(d.Flags, summed(fmt.Sprintf("%s-%d-%d", branch, step, i), step+1))
			}
			next, err := grown[step].Apply(d)
			if err != nil {
				t.Fatal(err)
			}
			grown = append(grown, next)
		}
		return grown
	}
	left, right := grow("left"), grow("right")
	for n := range left {
		for step := range steps {
			for i := range each {
				key := fmt.Sprintf("left-%d-%d", step, i)
				here := left[n].Decide(key, flags.Subject{}).ErrorCode == ""
				if there := right[n].Decide(key, flags.Subject{}).ErrorCode == ""; here != (step < n) || there {
					t.Fatalf("after %d steps %s is found: %v; in the other branch: %v", n, key, here, there)
				}
			}
		}
		if left[n].Decide("root", flags.Subject{}).ErrorCode != "" || left[n].Len() != 1+n*each {
			t.Errorf("after %d steps there are %d flags", n, left[n].Len())
		}
	}
}

// Texts of any length are told apart exactly, those too that begin like others: from 255 bytes on a set knows their lengths in
// another way.
func TestASetTellsTextsOfAllLengthsApart(t *testing.T) {
	long := strings.Repeat("x", 1_100)
	var texts []string
	for n := 0; n < len(long); n += 2 {
		texts = append(texts, long[:n])
	}
	set := flags.NewIDs(texts...)
	for n := range long {
		if set.Has(long[:n]) != (n%2 == 0) || set.Has(long[:n]+"y") {
			t.Fatalf("%d bytes", n)
		}
	}
}
