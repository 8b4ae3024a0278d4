package esdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/esdb/esdbtest"
)

func TestConnectionStringsAreTakenOrExplained(t *testing.T) {
	for _, c := range []struct{ connection, want string }{ // want: empty, or part of the reason
		{"esdb://localhost", ""},
		{"esdb://ann:s3cret@a:2113,b:2113,c:2113?nodePreference=leader", ""},
		{"esdb+discover://cluster.example:2113?tlsVerifyCert=false", ""},
		{"kurrentdb://localhost:2113?tls=false", ""},
		{"kurrentdb+discover://localhost:2113?defaultDeadline=500", ""},
		{"KurrentDB://localhost", ""},
		{"http://localhost", "it begins with esdb://"},
		{"localhost:2113", "it begins with esdb://"},
		{"esdb://", "host"},
		{"esdb://[::1]:2113", "IPv6"},
		{"esdb://localhost?tsl=false", `no setting "tsl"`},
		{"esdb://localhost?defaultDeadline=soon", "milliseconds"},
		{"esdb://ann:s3cret@localhost?tls=false", "would not be sent"},
		{"esdb://ann:s3cret@localhost?tls=perhaps", "either true or false"},
		{"esdb://ann:s3cret@localhost:port", "port"},
		{"esdb://ann:s3cret@localhost?tlsCaFile=/does/not/exist", "no such file"},
		{"esdb://localhost?%zz", "not well formed"},
	} {
		_, _, err := parse(c.connection)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.connection, err)
		case c.want != "" && (!errors.Is(err, eventlog.ErrInvalid) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want it to say %q", c.connection, err, c.want)
		case err != nil && strings.Contains(err.Error(), "s3cret"):
			t.Errorf("the password is shown: %v", err)
		}
	}
	if got := Redacted("esdb://ann:s3cret@a,b?tls=true"); got != "esdb://***@a,b?tls=true" {
		t.Errorf("redacted: %s", got)
	}
	var warned []string
	cluster := esdbtest.Start(t, esdbtest.Options{TLS: true})
	open(t, cluster.ConnectionString()+"&tlsVerifyCert=false", Options{Warn: func(w string) { warned = append(warned, w) }})
	if len(warned) != 1 || !strings.Contains(warned[0], "not verified") {
		t.Errorf("warnings: %q, want one about the certificate", warned)
	}
	for _, prefix := range []string{"$theirs", "\xff", strings.Repeat("p", 65)} {
		if _, err := Open(t.Context(), cluster.ConnectionString(), Options{Prefix: prefix}); !errors.Is(err, eventlog.ErrInvalid) {
			t.Errorf("prefix %q: %v, want invalid", prefix, err)
		}
	}
}

func FuzzConnectionStrings(f *testing.F) {
	f.Add("esdb://ann:s3cret@a:2113,b:2113?tls=true&nodePreference=random")
	f.Add("kurrentdb+discover://x?keepAliveInterval=-1")
	f.Fuzz(func(t *testing.T, connection string) {
		c, _, err := parse(connection)
		if (err == nil) == (c == nil) || err != nil && !errors.Is(err, eventlog.ErrInvalid) {
			t.Errorf("%q: %v, %v", connection, c, err)
		}
	})
}

func TestAServerThatDoesNotAnswerIsExplained(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, fmt.Sprintf("esdb://ann:s3cret@%s", l.Addr()), Options{}); !errors.Is(err, eventlog.ErrUnavailable) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a server that accepts and is silent: %v, want unavailable", err)
	}
	cluster := esdbtest.Start(t, esdbtest.Options{TLS: true, Users: map[string]string{"ann": "s3cret"}})
	for name, connection := range map[string]string{
		"no credentials":    cluster.ConnectionString(),
		"a wrong password":  strings.Replace(cluster.ConnectionString("ann"), "s3cret", "guess", 1),
		"an unknown person": strings.Replace(cluster.ConnectionString("ann"), "ann", "bob", 1),
	} {
		began := time.Now()
		_, err := Open(t.Context(), connection, Options{})
		if !errors.Is(err, eventlog.ErrUnavailable) || !strings.Contains(err.Error(), "does not accept the user and password") || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(began))
		}
	}
	if _, err := Open(ctx, strings.Split(cluster.ConnectionString("ann"), "&")[0], Options{}); !errors.Is(err, eventlog.ErrUnavailable) {
		t.Errorf("a certificate of an unknown authority: %v, want unavailable", err)
	}
}

// What the server says and means in the cases that the suite cannot make on every engine.
func TestTheServersRefusalsAreExplained(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{MaxAppendSize: 1_000})
	log := open(t, cluster.ConnectionString(), Options{})
	client := direct(t, cluster)
	surely(t, log, "flag-a", 0)
	if _, err := client.TombstoneStream(t.Context(), "flag-a", driver.TombstoneStreamOptions{ExpectedRevision: driver.Any{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), "flag-a", 0, noted("flag-a", 1)); !errors.Is(err, eventlog.ErrInvalid) || !strings.Contains(err.Error(), "tombstoned") {
		t.Errorf("a tombstoned stream: %v, want invalid", err)
	}
	for _, err := range log.Stream(t.Context(), "flag-a", 0) {
		if !errors.Is(err, eventlog.ErrInvalid) {
			t.Errorf("reading a tombstoned stream: %v, want invalid", err)
		}
	}
	big := noted("flag-b", 0)
	big.Data = make([]byte, 2_000)
	if _, err := log.Append(t.Context(), "flag-b", eventlog.NoStream, big); !errors.Is(err, eventlog.ErrTooLarge) || !strings.Contains(err.Error(), "MaxAppendSize") {
		t.Errorf("over the server's own limit: %v, want too large", err)
	}
	surely(t, log, "flag-c", 0)
	surely(t, log, "flag-c", 1)
	if _, err := client.DeleteStream(t.Context(), "flag-c", driver.DeleteStreamOptions{ExpectedRevision: driver.Any{}}); err != nil {
		t.Fatal(err)
	}
	for e, err := range log.Stream(t.Context(), "flag-c", 0) {
		t.Errorf("a deleted stream yields %v, %v", e, err)
	}
	// It can be revived, and goes on counting.
	if _, err := log.Append(t.Context(), "flag-c", eventlog.NoStream, noted("flag-c", 2)); err != nil {
		t.Fatal(err)
	}
	for e := range log.Stream(t.Context(), "flag-c", 0) {
		if e.Revision != 2 {
			t.Errorf("a revived stream goes on at revision %d, want 2", e.Revision)
		}
	}
}

func direct(t testing.TB, cluster *esdbtest.Cluster) *driver.Client {
	t.Helper()
	config, err := driver.ParseConnectionString(cluster.ConnectionString())
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = driver.NoopLogging()
	client, err := driver.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// Nothing waits longer than its context, whatever the network does, and an append that may have been recorded says so.
func TestCallsEndWithTheirContext(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), Options{})
	surely(t, log, "flag-a", 0)
	for name, c := range map[string]struct {
		cut  func()
		mend func()
		want error
	}{
		"a silent server": {func() { cluster.OnAppend(func(string) esdbtest.Fault { return esdbtest.Silence }) }, func() { cluster.OnAppend(nil) }, eventlog.ErrUnknownOutcome},
		"half-open":       {cluster.Freeze, cluster.CutConnections, eventlog.ErrUnknownOutcome},
		"nobody there":    {cluster.Stop, func() { cluster.Resume(t) }, nil},
	} {
		c.cut()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		_, err := log.Append(ctx, "flag-a", 0, noted("flag-a", 1))
		if took := time.Since(began); err == nil || took > 2*time.Second || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: appending: %v after %v, want %v", name, err, took, c.want)
		}
		for what, read := range map[string]func(context.Context) error{
			"reading a stream": func(ctx context.Context) (last error) {
				for _, err := range log.Stream(ctx, "flag-a", 0) {
					last = err
				}
				return last
			},
			"following": func(ctx context.Context) (last error) {
				for _, err := range log.All(ctx, 0, eventlog.Filter{}) {
					last = err
				}
				return last
			},
			"the head": func(ctx context.Context) error {
				_, err := log.Head(ctx)
				return err
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			began := time.Now()
			err := read(ctx)
			cancel()
			if took := time.Since(began); took > 2*time.Second || name != "a silent server" && err == nil {
				t.Errorf("%s: %s: %v after %v", name, what, err, took)
			}
		}
		cancel()
		c.mend()
		surely(t, log, "flag-a", 1) // settles it: recorded or not, it is once
	}
	if n := cluster.Events("flag-a"); n != 2 {
		t.Errorf("the stream has %d events, want 2", n)
	}
}

// A half-open connection and a server that never answers are noticed by the first call, not by a keep-alive of 20 s.
func TestAConnectionThatSwallowsCallsIsReplaced(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), Options{Attempt: 200 * time.Millisecond})
	surely(t, log, "flag-a", 0)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	live, second := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		for e, err := range log.All(ctx, 0, eventlog.Filter{}) {
			switch {
			case err != nil || e.Revision == 1:
				second <- err
				return
			case e.IsCheckpoint():
				once.Do(func() { close(live) })
			}
		}
	}()
	<-live
	cluster.Freeze()
	began := time.Now()
	if _, err := log.Append(t.Context(), "flag-a", 0, noted("flag-a", 1)); err != nil {
		t.Errorf("over a half-open connection: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := <-second; err != nil {
		t.Errorf("the reader over the half-open connection: %v", err)
	}
	if m := log.Metrics(); m.Connects != 2 || m.Retries == 0 || m.Appends != 2 || !m.Connected {
		t.Errorf("metrics: %+v, want two connections and a retry", m)
	}
}

// Twenty reconnections leave one connection and no goroutine behind; the package's other tests hold the latter after closing.
func TestReconnectingLeaksNothing(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), Options{})
	var group sync.WaitGroup
	lost := 0
	cluster.OnAppend(func(string) esdbtest.Fault {
		if lost++; lost%10 == 0 {
			return esdbtest.LoseAnswer
		}
		return esdbtest.None
	})
	for w := range 8 {
		group.Go(func() {
			for i := range 50 {
				surely(t, log, fmt.Sprintf("flag-%d", w), i)
			}
		})
	}
	group.Wait()
	cluster.OnAppend(nil)
	if log.Metrics().Connects < 20 {
		t.Errorf("%d connections were made, want 20 at least", log.Metrics().Connects)
	}
	for until := time.Now().Add(10 * time.Second); cluster.Connections() > 1; {
		if time.Now().After(until) {
			t.Fatalf("%d connections are open, want 1", cluster.Connections())
		}
		<-time.After(10 * time.Millisecond)
	}
}

// The driver panics when it is closed beside a call; this log does not.
func TestClosingBesideCallsIsSafe(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{})
	for range 50 {
		log := open(t, cluster.ConnectionString(), Options{})
		var group sync.WaitGroup
		for w := range 8 {
			group.Go(func() {
				for i := 0; ; i++ {
					e := eventlog.Event{ID: eventlog.NewID(fmt.Sprintf("%p %d", log, w), i), Type: "Noted"}
					if _, err := log.Append(t.Context(), "flag-a", eventlog.Any, e); err != nil {
						if !errors.Is(err, eventlog.ErrUnavailable) && !errors.Is(err, eventlog.ErrUnknownOutcome) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		group.Go(func() {
			var last error
			for _, err := range log.All(t.Context(), 0, eventlog.Filter{}) {
				last = err
			}
			if !errors.Is(last, eventlog.ErrUnavailable) {
				t.Errorf("following ended with %v, want unavailable", last)
			}
		})
		<-time.After(2 * time.Millisecond)
		shut(t, log)
		shut(t, log)
		group.Wait()
		if _, err := log.Head(t.Context()); !errors.Is(err, eventlog.ErrUnavailable) {
			t.Errorf("the head of a closed log: %v, want unavailable", err)
		}
	}
}

// An append at any revision is not repeated: the server may have forgotten its id.
func TestAnAppendAtAnyRevisionIsNotRepeated(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), Options{})
	cluster.OnAppend(func(string) esdbtest.Fault { return esdbtest.TimeOut })
	if _, err := log.Append(t.Context(), "flag-a", eventlog.Any, noted("flag-a", 0)); !errors.Is(err, eventlog.ErrUnknownOutcome) {
		t.Errorf("got %v, want that its outcome is unknown", err)
	}
	if n := cluster.Seen().Appends.Load(); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}

// A server that recognises a repetition answers with the position of the first event; the log promises that of the last.
func TestARepetitionAnswersThePositionOfTheLastEvent(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), Options{})
	events := []eventlog.Event{noted("flag-a", 0), noted("flag-a", 1), noted("flag-a", 2)}
	faults := []esdbtest.Fault{esdbtest.TimeOut, esdbtest.LoseAnswer, esdbtest.CutAfter, esdbtest.CutBefore, esdbtest.Refuse, esdbtest.Abort}
	for i, fault := range faults {
		stream, tries := fmt.Sprintf("flag-%d", i), 0
		cluster.OnAppend(func(string) esdbtest.Fault {
			if tries++; tries == 1 {
				return fault
			}
			return esdbtest.None
		})
		p, err := log.Append(t.Context(), stream, eventlog.NoStream, events...)
		if err != nil {
			t.Errorf("fault %d: %v", fault, err)
			continue
		}
		var last eventlog.Recorded
		for e := range log.Stream(t.Context(), stream, 0) {
			last = e
		}
		if p != last.Position || last.Revision != 2 || tries != 2 {
			t.Errorf("fault %d: position %d after %d tries, the last event is revision %d at %d", fault, p, tries, last.Revision, last.Position)
		}
	}
}

// Records of the server and of others move the end of $all far beyond the last event of this log. A reader whose filter matches
// nothing recent must still learn that it is at the head, and a position that it was told must be taken again.
func TestAReaderLearnsTheHeadBehindManyStrangers(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), Options{Prefix: "ours."})
	surely(t, log, "flag-a", 0)
	surely(t, log, "measurement-a", 0)
	for range 3 * searchWindow {
		cluster.WriteSystemEvent()
	}
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var at eventlog.Position
	for e, err := range log.All(ctx, 0, eventlog.Filter{Categories: []string{"flag"}}) {
		if err != nil {
			t.Fatalf("at %d, the head is %d: %v", at, head, err)
		}
		if at = e.Position; e.IsCheckpoint() && at >= head {
			break
		}
	}
	for e, err := range log.All(ctx, at, eventlog.Filter{}) {
		if err != nil || !e.IsCheckpoint() {
			t.Errorf("behind the head comes %v, %v", e, err)
		}
		break
	}
	for _, err := range log.All(ctx, at+1<<40, eventlog.Filter{}) {
		if !errors.Is(err, eventlog.ErrInvalid) {
			t.Errorf("a position beyond the end: %v, want invalid", err)
		}
	}
	if again, err := log.Head(t.Context()); again != head || err != nil {
		t.Errorf("the head is %d (%v), was %d", again, err, head)
	}
}

// What others wrote into streams of this log is read as well as it can be.
func TestMetadataOfOthersDoesNotStopAReader(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log, client := open(t, cluster.ConnectionString(), Options{}), direct(t, cluster)
	for _, meta := range []string{`{"a":"x","n":1,"o":{"p":[2]}}`, `not JSON`, `[1]`, ``} {
		if _, err := client.AppendToStream(t.Context(), "flag-a", driver.AppendToStreamOptions{}, driver.EventData{EventType: "Noted", Metadata: []byte(meta)}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for e, err := range log.Stream(t.Context(), "flag-a", 0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(e.Meta))
	}
	if want := "[map[a:x n:1 o:{\"p\":[2]}] map[] map[] map[]]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// An outage that lasts longer than patience is told to the reader, who comes back; what is short is bridged.
func TestAReaderIsToldOfALongOutage(t *testing.T) {
	cluster := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, cluster.ConnectionString(), Options{Patience: time.Second})
	surely(t, log, "flag-a", 0)
	var last error
	for e, err := range log.All(t.Context(), 0, eventlog.Filter{}) {
		if last = err; err == nil && e.IsCheckpoint() {
			cluster.Stop()
		}
	}
	if !errors.Is(last, eventlog.ErrUnavailable) {
		t.Errorf("following ended with %v, want unavailable", last)
	}
	if log.Metrics().Connected {
		t.Error("the metrics say that there is a connection")
	}
	cluster.Resume(t)
	surely(t, log, "flag-a", 1)
	dropped := false
	for e, err := range log.All(t.Context(), 0, eventlog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.IsCheckpoint() && !dropped {
			dropped = true
			cluster.DropSubscriptions()
		} else if e.IsCheckpoint() {
			break
		}
	}
	if m := log.Metrics(); m.Resumed == 0 {
		t.Errorf("metrics: %+v, want a resumed subscription", m)
	}
}
