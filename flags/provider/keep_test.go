package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/provider"
)

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ruleset.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func keptIn(folder string) func(*provider.Config) {
	return func(c *provider.Config) { c.KeepIn = folder }
}

func TestTheLastRulesetDecidesWhenTheServerIsAwayAtTheNextStart(t *testing.T) {
	s := newServer(t, counting(10))
	folder := filepath.Join(t.TempDir(), "made", "when needed")
	first := newApp(t, s, keptIn(folder)).start(t)
	s.publish(11, counting(11))
	first.expect(t, 1, 0, 0, 1)
	first.end(t, 1, 0, 0, 1)
	if st := first.provider.Stats(); st.Kept != 11 || st.KeepError != "" {
		t.Errorf("%+v", st)
	}
	s.die()
	next := newApp(t, s, keptIn(folder)).start(t) // which succeeds
	watch(t, next)
	next.expect(t, 1, 1, 0, 0)
	if got := next.Int(t.Context(), "a", -1, user("u")); got != 11 || next.State() != openfeature.StaleState {
		t.Errorf("%d decides in state %s", got, next.State())
	}
	s.publish(12, counting(12))
	s.live()
	next.expect(t, 2, 1, 0, 1)
	if got := next.Int(t.Context(), "a", -1, user("u")); got != 12 || next.State() != openfeature.ReadyState {
		t.Errorf("%d decides in state %s", got, next.State())
	}
	next.end(t, 2, 1, 0, 1)
}

// A start from a file is not an ERROR however long the server is away: it is as good as it was.
func TestAStartFromAFileIsStaleUntilTheServerConfirms(t *testing.T) {
	s := newServer(t, counting(10))
	s.die()
	a := newApp(t, s, func(c *provider.Config) {
		c.Bootstrap, c.ErrorAfter = file(t, rulesetOf("shop", "production", 10, counting(10))), time.Millisecond
	}).start(t)
	a.expect(t, 1, 1, 0, 0)
	before := s.count(rulesetPath)
	eventually(t, "the server was tried again and again", func() bool { return s.count(rulesetPath) > before+5 })
	if a.State() != openfeature.StaleState {
		t.Error(a.State())
	}
	s.live()
	a.expect(t, 2, 1, 0, 0) // the same ruleset: no change to tell
	a.end(t, 2, 1, 0, 0)
}

func TestASecondDomainDoesNotMakeAStaleProviderLookReady(t *testing.T) {
	s := newServer(t, counting(10))
	s.die()
	a := newApp(t, s, func(c *provider.Config) { c.Bootstrap = file(t, rulesetOf("shop", "production", 10, counting(10))) }).start(t)
	a.expect(t, 1, 1, 0, 0)
	if err := a.api.SetProviderAndWait(t.Context(), a.provider, openfeature.WithDomain("second")); err != nil {
		t.Fatal(err)
	}
	second := a.api.NewClient(openfeature.WithDomain("second"))
	a.expect(t, 2, 2, 0, 0) // READY is the SDK's, to all
	if second.State() != openfeature.StaleState || a.State() != openfeature.StaleState {
		t.Errorf("%s and %s", second.State(), a.State())
	}
	s.live()
	a.expect(t, 3, 2, 0, 0)
}

// The newer of the kept ruleset and the bootstrap decides, and neither takes a provider back that the server offers less.
func TestTheNewestRulesetAtHandDecides(t *testing.T) {
	for _, c := range []struct{ kept, bootstrap, server, want uint64 }{
		{kept: 10, bootstrap: 20, want: 20},
		{kept: 20, bootstrap: 10, want: 20},
		{kept: 20, server: 10, want: 20},
		{bootstrap: 20, server: 10, want: 20},
		{kept: 10, bootstrap: 11, server: 20, want: 20},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			s := newServer(t, counting(c.kept))
			s.with(func() { s.snapshot.Revision = c.kept })
			folder := t.TempDir()
			if c.kept > 0 {
				newApp(t, s, keptIn(folder)).start(t).end(t, 1, 0, 0, 0)
			}
			if c.server > 0 {
				s.publish(c.server, counting(c.server))
			} else {
				s.die()
			}
			a := newApp(t, s, keptIn(folder), func(config *provider.Config) {
				if c.bootstrap > 0 {
					config.Bootstrap = file(t, rulesetOf("shop", "production", c.bootstrap, counting(c.bootstrap)))
				}
			}).start(t)
			if got := a.Int(t.Context(), "a", -1, user("u")); got != int64(c.want) {
				t.Errorf("%d decides", got)
			}
		})
	}
}

// What cannot be used is as good as no file, and the error of an Init that has nothing to start from says what is wrong.
func TestAFileThatCannotBeUsedIsNotUsed(t *testing.T) {
	good := rulesetOf("shop", "production", 10, counting(10))
	for name, text := range map[string]string{
		"cut off": good[:len(good)-10], "another format": `{"format":99}`, "empty": "", "no JSON": "ruleset", "too large": "{" + strings.Repeat(" ", 1<<16) + good[1:],
		"another environment": rulesetOf("shop", "staging", 10, counting(10)),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, counting(10))
			s.die()
			a := newApp(t, s, func(c *provider.Config) {
				c.Bootstrap, c.Environment, c.MaxRulesetBytes = file(t, text), "shop/production", 1<<16
			})
			err := a.api.SetProviderAndWait(t.Context(), a.provider)
			if err == nil || !strings.Contains(err.Error(), "starting from ") {
				t.Errorf("Init: %v", err)
			}
			a.expect(t, 0, 0, 1, 0)
			s.live()
			a.expect(t, 1, 0, 1, 0)
			if got := a.Int(t.Context(), "a", -1, user("u")); got != 10 {
				t.Errorf("%d decides", got)
			}
		})
	}
}

// The server knows better than a bootstrap that belongs to another environment.
func TestABootstrapFromElsewhereGivesWayToTheServer(t *testing.T) {
	s := newServer(t, counting(10))
	a := newApp(t, s, func(c *provider.Config) {
		c.Bootstrap = file(t, rulesetOf("shop", "staging", 99, fixed("a", flags.Integer, "99")))
	}).start(t)
	if got := a.Int(t.Context(), "a", -1, user("u")); got != 10 {
		t.Errorf("%d decides", got)
	}
	a.end(t, 1, 0, 0, 0)
}

func TestTheFileIsAlwaysWholeAndOnlyItsOwnersToRead(t *testing.T) {
	s := newServer(t, counting(10))
	folder := t.TempDir()
	a := newApp(t, s, keptIn(folder)).start(t)
	for revision := uint64(11); revision < 40; revision++ {
		s.publish(revision, counting(revision))
		a.expect(t, 1, 0, 0, int(revision-10))
		names, _ := filepath.Glob(filepath.Join(folder, "assay-*.json"))
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := flags.ParseSnapshot(text); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
				t.Fatal(info.Mode(), err)
			}
		}
	}
	a.end(t, 1, 0, 0, 29)
	left, _ := filepath.Glob(filepath.Join(folder, "*"))
	hidden, _ := filepath.Glob(filepath.Join(folder, ".*"))
	if len(left) != 1 || len(hidden) != 0 {
		t.Errorf("left in the folder: %v %v", left, hidden)
	}
}

// Two processes share a folder. The one that is behind does not overwrite what the other kept.
func TestAProcessThatIsBehindKeepsNothingOverAnother(t *testing.T) {
	s := newServer(t, counting(20))
	s.with(func() { s.snapshot.Revision = 20 })
	folder := t.TempDir()
	behind := newApp(t, s, keptIn(folder)).start(t)
	eventually(t, "the ruleset was kept", func() bool { return behind.provider.Stats().Kept == 20 })
	names, _ := filepath.Glob(filepath.Join(folder, "assay-*.json"))
	if err := os.WriteFile(names[0], []byte(rulesetOf("shop", "production", 30, counting(30))), 0o600); err != nil {
		t.Fatal(err)
	}
	s.publish(21, counting(21))
	behind.expect(t, 1, 0, 0, 1)
	behind.end(t, 1, 0, 0, 1)
	if text, _ := os.ReadFile(names[0]); !strings.Contains(string(text), `"revision":"30"`) {
		t.Errorf("kept: %s", text)
	}
}

func TestAFolderThatCannotBeWrittenIsToldAndHarmsNothing(t *testing.T) {
	s := newServer(t, counting(10))
	a := newApp(t, s, keptIn(filepath.Join(file(t, "a file, no folder"), "in it"))).start(t)
	eventually(t, "the trouble was told", func() bool { return a.provider.Stats().KeepError != "" })
	if got := a.Int(t.Context(), "a", -1, user("u")); got != 10 {
		t.Errorf("%d decides", got)
	}
	a.end(t, 1, 0, 0, 0)
}

// Another key never reads what this one kept.
func TestEveryKeyHasAFileOfItsOwn(t *testing.T) {
	s := newServer(t, counting(10))
	folder := t.TempDir()
	newApp(t, s, keptIn(folder)).start(t).end(t, 1, 0, 0, 0)
	s.die()
	other := newApp(t, s, keptIn(folder), func(c *provider.Config) { c.Key = "key-2" })
	if err := other.api.SetProviderAndWait(t.Context(), other.provider); err == nil {
		t.Error("it started from another key's ruleset")
	}
}
