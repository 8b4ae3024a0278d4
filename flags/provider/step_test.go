package provider_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assayhq/assay/flags"
)

func changing(t *testing.T, all ...flags.Flag) *server {
	s := newServer(t, all...)
	s.with(func() { s.deltas = true })
	return s
}

func named(key string, revision uint64) flags.Flag {
	f := fixed(key, flags.Integer, fmt.Sprint(revision))
	f.Revision = revision
	return f
}

func TestAChangeComesAsADeltaAndTheRulesetIsLoadedOnce(t *testing.T) {
	s := changing(t, counting(10), named("b", 3))
	a := newApp(t, s).start(t)
	watch(t, a)
	s.publish(11, counting(11), named("b", 3))
	a.expect(t, 1, 0, 0, 1)
	s.publish(12, counting(11), named("c", 12))
	a.expect(t, 1, 0, 0, 2)
	if !slices.Equal(a.changed, []string{"a", "b", "c"}) {
		t.Errorf("changed: %v", a.changed)
	}
	if got := a.Int(t.Context(), "a", -1, user("u")); got != 11 {
		t.Errorf("a is %d", got)
	}
	if got := a.Int(t.Context(), "b", -1, user("u")); got != -1 {
		t.Errorf("b is still there: %d", got)
	}
	if got := s.count(rulesetPath); got != 1 {
		t.Errorf("the whole ruleset was asked for %d times", got)
	}
	a.end(t, 1, 0, 0, 2)
}

// What happened while the stream was away comes as one delta, too, and nothing is loaded anew but to see that it is the same.
func TestAClientThatWasAwayGetsWhatItMissed(t *testing.T) {
	s := changing(t, counting(10))
	a := newApp(t, s).start(t)
	watch(t, a)
	eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
	s.die()
	a.expect(t, 1, 1, 1, 0)
	s.publish(11, counting(11))
	s.publish(12, counting(12))
	s.live()
	a.expect(t, 2, 1, 1, 1)
	if got := a.Int(t.Context(), "a", -1, user("u")); got != 12 {
		t.Errorf("a is %d", got)
	}
	a.end(t, 2, 1, 1, 1)
}

// Whatever is wrong with a delta, the ruleset that decides afterwards is the server's.
func TestADeltaThatIsWrongIsReplacedByTheWhole(t *testing.T) {
	for name, twist := range map[string]func(*change){
		"it begins elsewhere":       func(c *change) { c.Delta.Since++ },
		"it is of another project":  func(c *change) { c.Delta.Project = "other" },
		"it is of an older time":    func(c *change) { c.Delta.Since, c.Delta.Revision = 5, 6 },
		"it goes back":              func(c *change) { c.Delta.Revision = 2 },
		"it has another format":     func(c *change) { c.Delta.Format++ },
		"one was missed before it":  func(c *change) { c.Delta.Flags = nil },
		"it forgets what is gone":   func(c *change) { c.Delta.FlagsGone = nil },
		"it takes what is there":    func(c *change) { c.Delta.FlagsGone = append(c.Delta.FlagsGone, "a") },
		"its flag is an older one":  func(c *change) { c.Delta.Flags = []flags.Flag{counting(1)} },
		"its sum is wrong":          func(c *change) { c.Sum++ },
		"it names nobody's segment": func(c *change) { c.Delta.Lists = []flags.ListChange{{Segment: "nothing", Revision: 12}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := changing(t, counting(10), named("b", 3))
			s.with(func() { s.twist = twist })
			a := newApp(t, s).start(t)
			watch(t, a)
			eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
			s.publish(12, counting(12))
			a.expect(t, 1, 0, 0, 1)
			if got, b := a.Int(t.Context(), "a", -1, user("u")), a.Int(t.Context(), "b", -1, user("u")); got != 12 || b != -1 {
				t.Errorf("a is %d, b is %d", got, b)
			}
			if got := s.count(rulesetPath); got < 2 {
				t.Error("the whole was not asked for")
			}
			a.end(t, 1, 0, 0, 1)
		})
	}
}

// A thousand random changes, some of them told wrong, some while the stream is away: at the end the client decides as the
// server's whole ruleset does.
func TestManyChangesLeadWhereTheServerIs(t *testing.T) {
	s := changing(t, counting(10))
	a := newApp(t, s).start(t)
	random := rand.New(rand.NewPCG(1, 2))
	lies := rand.New(rand.NewPCG(3, 4))
	s.with(func() {
		s.twist = func(c *change) {
			if lies.IntN(10) == 0 && len(c.Delta.Flags) > 0 {
				c.Delta.Flags = c.Delta.Flags[1:]
			}
		}
	})
	all := map[string]flags.Flag{}
	for revision := uint64(11); revision < 1_011; revision++ {
		key := fmt.Sprint("flag-", random.IntN(30))
		if random.IntN(3) == 0 {
			delete(all, key)
		} else {
			all[key] = named(key, revision)
		}
		now := make([]flags.Flag, 0, len(all))
		for _, f := range all {
			now = append(now, f)
		}
		slices.SortFunc(now, func(a, b flags.Flag) int { return strings.Compare(a.Key, b.Key) })
		s.publish(revision, now...)
		if random.IntN(100) == 0 {
			s.die()
			s.live()
		}
	}
	eventually(t, "the last change arrived", func() bool { return a.provider.Ruleset().Revision() == 1_010 })
	whole, err := flags.Compile(s.snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.provider.Ruleset(); got.Sum() != whole.Sum() || len(got.Changed(whole)) > 0 {
		t.Errorf("%v, want %v", got.Keys(), whole.Keys())
	}
	for key, f := range all {
		if got := a.provider.Client().Int(key, -1, flags.Subject{}); got != int64(f.Revision) {
			t.Errorf("%s is %d, want %d", key, got, f.Revision)
		}
	}
}

// The file takes deltas behind its ruleset, and the next process starts from where they lead.
func TestDeltasAreKeptBehindTheRuleset(t *testing.T) {
	s := changing(t, counting(10))
	folder := t.TempDir()
	a := newApp(t, s, keptIn(folder)).start(t)
	eventually(t, "the ruleset was kept", func() bool { return a.provider.Stats().Kept == 10 })
	for revision := uint64(11); revision < 15; revision++ {
		s.publish(revision, counting(revision))
		a.expect(t, 1, 0, 0, int(revision-10))
	}
	a.end(t, 1, 0, 0, 4)
	names, _ := filepath.Glob(filepath.Join(folder, "assay-*.json"))
	text, err := os.ReadFile(names[0])
	if err != nil || !strings.Contains(string(text), `"since":"13"`) || s.count(rulesetPath) != 1 {
		t.Fatalf("the ruleset was asked for %d times, kept: %s", s.count(rulesetPath), text)
	}
	s.die()
	start := func(text string, want int64) {
		t.Helper()
		if err := os.WriteFile(names[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		next := newApp(t, s, keptIn(folder)).start(t)
		if got := next.Int(t.Context(), "a", -1, user("u")); got != want {
			t.Errorf("%d decides, want %d", got, want)
		}
		next.expect(t, 1, 1, 0, 0)
		next.end(t, 1, 1, 0, 0)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	start(string(text), 14)
	start(string(text[:len(text)-20]), 13)                                  // the last line is torn
	start(strings.Join(slices.Delete(slices.Clone(lines), 2, 3), "\n"), 11) // one is missing
	start(strings.Join([]string{lines[0], lines[1], lines[1], lines[2]}, "\n"), 12)
	start(lines[0]+"\nnonsense\n"+lines[1], 10)
}

// Deltas do not pile up on disk: when they weigh more than the ruleset it is written anew.
func TestTheJournalIsBounded(t *testing.T) {
	s := changing(t, counting(10))
	folder := t.TempDir()
	a := newApp(t, s, keptIn(folder)).start(t)
	heavy := func(revision uint64) flags.Flag {
		f := fixed("a", flags.String, `"`+strings.Repeat("x", 300<<10)+`"`)
		f.Revision = revision
		return f
	}
	longest := 0
	for revision := uint64(11); revision < 31; revision++ {
		s.publish(revision, heavy(revision))
		a.expect(t, 1, 0, 0, int(revision-10))
		eventually(t, "it was kept", func() bool { return a.provider.Stats().Kept == revision })
		names, _ := filepath.Glob(filepath.Join(folder, "assay-*.json"))
		text, err := os.ReadFile(names[0])
		if err != nil || len(text) > 2<<20 {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		longest = max(longest, bytes.Count(text, []byte("\n"))-1)
	}
	// How often at most depends on the machine: a connection that is slow is made anew, which asks for the whole.
	if got := s.count(rulesetPath); got < 3 || longest < 1 {
		t.Errorf("the whole was asked for %d times, and the longest journal has %d deltas", got, longest)
	}
	a.end(t, 1, 0, 0, 20)
}

// Somebody empties the folder: the next changes bring the whole ruleset back into it.
func TestAFileThatWasTakenAwayComesBack(t *testing.T) {
	s := changing(t, counting(10))
	folder := t.TempDir()
	a := newApp(t, s, keptIn(folder)).start(t)
	eventually(t, "the ruleset was kept", func() bool { return a.provider.Stats().Kept == 10 })
	names, _ := filepath.Glob(filepath.Join(folder, "assay-*.json"))
	if err := os.Remove(names[0]); err != nil {
		t.Fatal(err)
	}
	for revision := uint64(11); a.provider.Stats().Kept < 11; revision++ {
		s.publish(revision, counting(revision))
		a.expect(t, 1, 0, 0, int(revision-10))
		if revision > 1_000 {
			t.Fatal(a.provider.Stats().KeepError)
		}
	}
	if _, err := os.Stat(names[0]); err != nil || a.provider.Stats().KeepError != "" {
		t.Errorf("%v, %s", err, a.provider.Stats().KeepError)
	}
}
