package provider_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/provider"
)

// counting is an integer flag whose value is the revision that shaped it, so that a decision that goes back shows.
func counting(revision uint64) flags.Flag {
	f := fixed("a", flags.Integer, fmt.Sprint(revision))
	f.Revision = revision
	return f
}

// watch decides all the time, through the SDK and beside it, until the test ends: no decision may fail, take long or go back.
func watch(t *testing.T, a *app) {
	t.Helper()
	var done sync.WaitGroup
	var stop atomic.Bool
	client := a.provider.Client()
	for name, decide := range map[string]func() int64{
		"through the SDK": func() int64 { return a.Int(t.Context(), "a", -1, user("u")) },
		"natively":        func() int64 { return client.Int("a", -1, flags.Subject{Key: "u"}) },
	} {
		done.Go(func() {
			newest := int64(0)
			now := time.NewTicker(time.Millisecond)
			defer now.Stop()
			for ; !stop.Load(); <-now.C {
				began := time.Now()
				got := decide()
				// A decision waits for nothing; a second is for a machine that has other things to do.
				if took := time.Since(began); got < newest || took > time.Second {
					t.Errorf("%s: %d after %d, in %v", name, got, newest, took)
					return
				}
				newest = got
			}
		})
	}
	t.Cleanup(func() { stop.Store(true); done.Wait() })
}

func lying(path string, answer http.HandlerFunc) func(*server) {
	return func(s *server) { s.lie[path] = answer }
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, text)
	}
}

func rulesetOf(project, environment string, revision uint64, all ...flags.Flag) string {
	text, _ := json.Marshal(flags.Snapshot{Format: flags.Format, Project: project, Environment: environment, Revision: revision, Flags: all})
	return string(text)
}

// endless sends one byte again and again.
func endless(start string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, start)
		chunk := []byte(strings.Repeat(" ", 32<<10))
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// Whatever the server tells instead of its ruleset: the one in use goes on deciding, the app is told STALE and ERROR, and when
// the server comes to its senses READY and the change.
func TestALieNeverReachesADecision(t *testing.T) {
	whole := rulesetOf("shop", "production", 12, counting(12))
	for name, lie := range map[string]func(*server){
		"a page of a proxy":       lying(rulesetPath, body(`<html>`)),
		"half a ruleset":          lying(rulesetPath, body(whole[:len(whole)/2])),
		"nothing":                 lying(rulesetPath, body("")),
		"another format":          lying(rulesetPath, body(`{"format":99,"revision":"12"}`)),
		"a flag twice":            lying(rulesetPath, body(rulesetOf("shop", "production", 12, counting(12), counting(12)))),
		"the wrong environment":   lying(rulesetPath, body(rulesetOf("shop", "staging", 12, fixed("a", flags.Integer, "0")))),
		"the wrong project":       lying(rulesetPath, body(rulesetOf("other", "production", 12, fixed("a", flags.Integer, "0")))),
		"an older revision":       lying(rulesetPath, body(rulesetOf("shop", "production", 9, fixed("a", flags.Integer, "0")))),
		"a body without end":      lying(rulesetPath, endless(`{"format":1,"flags":[`)),
		"a body beyond the bound": lying(rulesetPath, body(whole+strings.Repeat(" ", 1<<20))),
		"a body that breaks off": lying(rulesetPath, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
			io.WriteString(w, whole[:40])
		}),
		"a body that stands still": lying(rulesetPath, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, whole[:40])
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}),
		"no answer": lying(rulesetPath, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		"its own failure": lying(rulesetPath, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		}),
		"a problem without end": lying(rulesetPath, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			endless(`{"detail":"`)(w, r)
		}),
		"a redirect to itself": lying(rulesetPath, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, rulesetPath, http.StatusFound) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, counting(10))
			a := newApp(t, s, func(c *provider.Config) { c.MaxRulesetBytes = 1 << 20 })
			a.provider.Impatient()
			a.start(t)
			watch(t, a)
			eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
			s.with(func() { lie(s) })
			s.publish(12, counting(12))
			a.expect(t, 1, 1, 1, 0)
			if got := a.Int(t.Context(), "a", -1, user("u")); got != 10 || a.State() != openfeature.ErrorState {
				t.Errorf("%d decides in state %s", got, a.State())
			}
			s.with(func() { clear(s.lie) })
			a.expect(t, 2, 1, 1, 1)
			if got := a.Int(t.Context(), "a", -1, user("u")); got != 12 {
				t.Errorf("after the truth %d decides", got)
			}
			a.end(t, 2, 1, 1, 1)
		})
	}
}

// Lies in the stream cost at most a connection: the ruleset itself is asked for, and is the truth.
func TestALieInTheStreamOnlyCostsTheStream(t *testing.T) {
	stream := func(text string, then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, text)
			http.NewResponseController(w).Flush()
			if then != nil {
				then(w, r)
			}
		}
	}
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, lie := range map[string]http.HandlerFunc{
		"it is cut within an event":       stream("event: ruleset\nid: 1", cut),
		"it is cut between chunks":        stream(": \n\n", cut),
		"it ends at once":                 stream("", nil),
		"it falls silent":                 stream(": \n\n", silent),
		"a line without end":              stream("data: ", endless("x")),
		"it is no stream":                 body(`{"revision":"99"}`),
		"it tells a revision that is not": stream("event: ruleset\nid: 999\ndata: {\"revision\":\"999\"}\n\n", silent),
		"it tells nonsense":               stream("event: delta\ndata: {\"from\":\"10\",\n\nevent: delta\ndata: nonsense\n\n", silent),
		"no answer":                       silent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, counting(10))
			s.with(func() { s.lie[changesPath] = lie })
			a := newApp(t, s)
			a.provider.Impatient()
			a.start(t)
			watch(t, a)
			eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
			s.publish(12, counting(12))
			a.expect(t, 1, 0, 0, 1)
			if got := a.Int(t.Context(), "a", -1, user("u")); got != 12 {
				t.Errorf("%d decides", got)
			}
			a.end(t, 1, 0, 0, 1)
		})
	}
}

// A half-open connection: the server's machine takes connections and everything written to them, and never says anything.
func TestAHalfOpenServerBlocksNothing(t *testing.T) {
	var listen net.ListenConfig
	deaf, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := deaf.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer c.Close()
				io.Copy(io.Discard, c)
			})
		}
	})
	t.Cleanup(func() { deaf.Close(); open.Wait() })

	p := provider.New(provider.Config{URL: "http://" + deaf.Addr().String(), Key: "key-1", Bootstrap: file(t, rulesetOf("shop", "production", 10, counting(10)))}).Hurry()
	p.Impatient()
	began := time.Now()
	if err := p.Init(openfeature.EvaluationContext{}); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Init took %v with a ruleset at hand", took)
	}
	if got := p.Client().Int("a", -1, flags.Subject{Key: "u"}); got != 10 {
		t.Errorf("%d decides", got)
	}
	if err := p.ShutdownWithContext(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestALaggingServerIsToldAsStaleOnlyWhenItLagsForLong(t *testing.T) {
	s := newServer(t, counting(10))
	a := newApp(t, s, func(c *provider.Config) { c.ErrorAfter = time.Hour }).start(t)
	watch(t, a)
	eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
	before := s.count(rulesetPath)
	s.publish(9, fixed("a", flags.Integer, "0"))
	eventually(t, "the older ruleset was offered again and again", func() bool { return s.count(rulesetPath) > before+3 })
	s.publish(11, counting(11))
	a.expect(t, 1, 0, 0, 1)
	a.end(t, 1, 0, 0, 1)
}

func TestARestoredLogIsBelievedAfterTheTimeTheAppSays(t *testing.T) {
	s := newServer(t, counting(10))
	a := newApp(t, s, func(c *provider.Config) { c.AcceptOlderAfter, c.ErrorAfter = 50*time.Millisecond, time.Hour }).start(t)
	eventually(t, "the stream was asked for", func() bool { return s.count(changesPath) > 0 })
	older := fixed("a", flags.Integer, "0")
	older.Revision = 2
	s.publish(9, older)
	a.expect(t, 1, 0, 0, 1)
	if got := a.Int(t.Context(), "a", -1, user("u")); got != 0 {
		t.Errorf("the restored ruleset does not decide: %d", got)
	}
	a.end(t, 1, 0, 0, 1)
}

func TestAKeyOfAnotherEnvironmentThanTheAppIsForIsFatal(t *testing.T) {
	s := newServer(t, counting(10))
	a := newApp(t, s, func(c *provider.Config) { c.Environment = "shop/staging" })
	if err := a.api.SetProviderAndWait(t.Context(), a.provider); err == nil || !strings.Contains(err.Error(), "shop/production") {
		t.Errorf("Init: %v", err)
	}
	if a.State() != openfeature.FatalState {
		t.Error(a.State())
	}
	newApp(t, s, func(c *provider.Config) { c.Environment = "shop/production" }).start(t)
}
