package interop

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/internal/flagimport"
)

// What is imported decides as the other product's own library does. Files with all that their formats have are drawn at random,
// translated, and both sides asked for random contexts: a flag is either reported, or decides the same.

// files is how many files are drawn for each product.
var files = flag.Int("files", 40, "random `files` to import and compare for each product")

// now is when the imports happen, and the decisions.
var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// drawn draws from a source that every run has anew, and the same.
type drawn struct{ *rand.Rand }

func draw(seed uint64) drawn { return drawn{rand.New(rand.NewPCG(seed, 27))} }

func (d drawn) one(in int) bool { return d.IntN(in) == 0 }

// of draws one of the values.
func of[T any](d drawn, all ...T) T { return all[d.IntN(len(all))] }

// some draws 1 to n of the values, each once.
func some[T any](d drawn, n int, all ...T) []T {
	out := slices.Clone(all)
	d.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:1+d.IntN(min(n, len(out)))]
}

// outcome of a comparison: how many flags were translated, how many reported, and what was served.
type tally struct {
	translated, reported int
	served               map[string]int
	reasons              map[string]int
}

func newTally() *tally { return &tally{served: map[string]int{}, reasons: map[string]int{}} }

// translated reads the file offline.
func (c *tally) read(t *testing.T, from string, file any) (*flags.Ruleset, flagimport.Import) {
	t.Helper()
	read, known := flagimport.SourceNamed(from)
	if !known {
		t.Fatal("there is no source ", from)
	}
	m, err := read(marshal(t, file), flagimport.Options{Now: now})
	if err != nil {
		t.Fatalf("%v: %s", err, marshal(t, file))
	}
	rs, err := flags.Compile(m.Snapshot())
	if err != nil || len(rs.Problems()) > 0 {
		t.Fatal(err, rs.Problems())
	}
	c.translated += len(m.Flags)
	c.reported += len(m.Problems)
	for _, p := range m.Problems {
		c.reasons[strings.Trim(p.Detail, "0123456789")]++
	}
	return rs, m
}

// holds checks that the generator did not only draw what cannot be translated, or what always serves the same.
func (c *tally) holds(t *testing.T, least float64) {
	t.Helper()
	share := float64(c.translated) / float64(c.translated+c.reported)
	t.Logf("%d flags translated, %d reported, served %v, reasons %v", c.translated, c.reported, c.served, c.reasons)
	if share < least {
		t.Errorf("only %.0f %% of the flags are translated: %v", 100*share, c.reasons)
	}
	for name, n := range c.served {
		if n == 0 {
			t.Errorf("%s is never served", name)
		}
	}
}

// valueOf is what the decision serves; null for the caller's default.
func valueOf(d flags.Decision) string {
	if d.ErrorCode != "" {
		return "error " + string(d.ErrorCode)
	}
	if d.Variant == "" {
		return "null"
	}
	return string(d.Value.JSON())
}

// sameValue compares JSON.
func sameValue(a, b string) bool { return a == b || sameJSON(a, b) }

// explained is a failure with all that is needed to see why.
func explained(t *testing.T, key string, file any, context any, m flagimport.Import, got, want string) {
	t.Helper()
	var theirs map[string]any
	_ = json.Unmarshal(marshal(t, file), &theirs) // it is JSON, and printed only
	for _, name := range []string{"flags", "features"} {
		if all, is := theirs[name].(map[string]any); is {
			theirs[key] = all[key]
			delete(theirs, name)
		}
	}
	s := m.Snapshot()
	s.Flags = slices.DeleteFunc(s.Flags, func(f flags.Flag) bool { return f.Key != key })
	t.Fatalf("%s for %s: got %s, want %s\nthere %s\nhere %s", key, marshal(t, context), got, want, marshal(t, theirs), marshal(t, s))
}

func ids(n int) string { return fmt.Sprint("u", n) }
