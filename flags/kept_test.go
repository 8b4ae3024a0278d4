package flags_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/assayhq/assay/flags"
)

// written is a flag that is kept as its JSON. It counts how often it is read, and can be lost.
type written struct {
	text  string
	reads *atomic.Int64
	lost  *atomic.Bool
}

func (w written) Flag() (*flags.Flag, error) {
	w.reads.Add(1)
	if w.lost.Load() {
		return nil, errors.New("it is lost")
	}
	var f flags.Flag
	err := json.Unmarshal([]byte(w.text), &f)
	return &f, err
}

// keptRuleset is n flags, every third with rules, every third with a split, kept as JSON and compiled from there.
func keptRuleset(t testing.TB, n int) (kept, whole *flags.Ruleset, all []written) {
	t.Helper()
	s := flags.Snapshot{Format: flags.Format, Project: "shop", Environment: "production", Revision: 9}
	var list []flags.Kept
	for i := range n {
		f := flags.Flag{
			Key: fmt.Sprintf("flag-%04d", i), Type: flags.Boolean, Revision: uint64(i + 1), On: i%7 > 0, Off: "off", Default: flags.Serve{Variant: "on"},
			Variants: []flags.Variant{{Key: "on", Value: json.RawMessage("true")}, {Key: "off", Value: json.RawMessage("false")}},
		}
		split := &flags.Split{Algorithm: "murmur3-32/1", Salt: f.Key, Total: 10, Weights: []flags.Weight{{Variant: "on", Weight: 3}, {Variant: "off", Weight: 7}}}
		switch i % 3 {
		case 1:
			f.Default = flags.Serve{Split: split}
		case 2:
			f.Rules = []flags.Rule{{ID: "r", If: []flags.Condition{{Attribute: "country", Operator: flags.In, Values: []json.RawMessage{json.RawMessage(`"DE"`)}}}, Serve: flags.Serve{Split: split}}}
			f.Experiment = &flags.Experiment{Key: fmt.Sprint("x", i%2), Unit: "user", Split: *split}
		}
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		s.Flags = append(s.Flags, f)
		all = append(all, written{text: string(text), reads: &atomic.Int64{}, lost: &atomic.Bool{}})
		list = append(list, all[i])
	}
	whole, err := flags.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := flags.Compile(flags.Snapshot{Format: flags.Format, Project: "shop", Environment: "production"})
	if err != nil {
		t.Fatal(err)
	}
	kept, err = empty.ApplyKept(flags.Delta{Format: flags.Format, Project: "shop", Environment: "production", Revision: 9}, list, &flags.Compiled{})
	if err != nil {
		t.Fatal(err)
	}
	return kept, whole, all
}

func people() (out []flags.Subject) {
	for i := range 40 {
		out = append(out, flags.Subject{Key: fmt.Sprint("u", i), Attributes: map[string]any{"country": []string{"DE", "FR"}[i%2]}})
	}
	return out
}

// Kept flags decide, explain and describe themselves like the same flags compiled as ever, whoever asks first and however many
// at once.
func TestKeptFlagsDecideLikeOthers(t *testing.T) {
	kept, whole, all := keptRuleset(t, 60)
	if kept.Sum() != whole.Sum() || !reflect.DeepEqual(kept.Attributes(), whole.Attributes()) || !reflect.DeepEqual(kept.Experiments(), whole.Experiments()) {
		t.Errorf("they depend on %v and expose to %v; the others on %v and to %v", kept.Attributes(), kept.Experiments(), whole.Attributes(), whole.Experiments())
	}
	var asking sync.WaitGroup
	for _, who := range people() {
		asking.Go(func() {
			for key, want := range whole.All(who) {
				if got := kept.Decide(key, who); !reflect.DeepEqual(got, want) {
					t.Errorf("%s serves %+v to %s, not %+v", key, got.Outcome, who.Key, want.Outcome)
				}
				if got, want := kept.Explain(key, who), whole.Explain(key, who); !reflect.DeepEqual(got, want) {
					t.Errorf("%s explains itself as %+v, not %+v", key, got, want)
				}
			}
		})
	}
	asking.Wait()
	for key, got := range kept.All(people()[0]) {
		if want := whole.Decide(key, people()[0]); !reflect.DeepEqual(got, want) {
			t.Errorf("%s serves %+v among all, not %+v", key, got.Outcome, want.Outcome)
		}
	}
	if n := all[1].reads.Load(); n > 2+2*40 {
		t.Errorf("a flag was read %d times", n)
	}
}

// After the first decision of a flag nothing is read and nothing allocated any more. The first reads it once.
func TestAKeptFlagIsReadForItsFirstDecision(t *testing.T) {
	kept, _, all := keptRuleset(t, 3)
	who := people()[0]
	for i, w := range all {
		before := w.reads.Load()
		key := fmt.Sprintf("flag-%04d", i)
		if allocations := testing.AllocsPerRun(100, func() { kept.Decide(key, who) }); allocations != 0 {
			t.Errorf("%s takes %v allocations", key, allocations)
		}
		if reads := w.reads.Load() - before; reads != 1 {
			t.Errorf("%s was read %d times", key, reads)
		}
	}
}

// What cannot be read when it is put in is an error; what cannot be read later is an error of that flag alone.
func TestAKeptFlagThatIsLost(t *testing.T) {
	kept, _, all := keptRuleset(t, 3)
	all[1].lost.Store(true)
	for range 2 {
		if d := kept.Decide("flag-0001", people()[0]); d.Reason != flags.Error || d.ErrorCode != flags.ParseError || kept.Explain("flag-0001", people()[0]).FlagRevision != 2 {
			t.Errorf("it serves %+v", d.Outcome)
		}
	}
	if d := kept.Decide("flag-0002", people()[0]); d.ErrorCode != "" {
		t.Errorf("another one serves %+v", d.Outcome)
	}
	if e := kept.Explain("flag-0001", people()[0]); !e.Found || e.Problem == "" {
		t.Errorf("it explains itself as %+v", e)
	}
	delta := flags.Delta{Format: flags.Format, Project: "shop", Environment: "production", Since: 9, Revision: 10}
	if _, err := kept.ApplyKept(delta, []flags.Kept{all[1]}, &flags.Compiled{}); err == nil {
		t.Error("it can be put in")
	}
}
