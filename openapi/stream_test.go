package openapi_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/openapi"
)

// listener reads a stream line by line.
type listener struct {
	t      *testing.T
	lines  chan string
	header http.Header
	code   int
	stop   context.CancelFunc
}

func listen(t *testing.T, base, key, lastID string) *listener {
	t.Helper()
	h := http.Header{"X-Api-Key": {key}}
	if lastID != "" {
		h.Set("Last-Event-ID", lastID)
	}
	return listenTo(t, base+"/api/v1/ruleset/changes", h)
}

// listenTo opens the stream at the address.
func listenTo(t *testing.T, at string, header http.Header) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", at, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	answer, err := http.DefaultClient.Do(r) //nolint:bodyclose // it is closed when the test ends
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{t: t, lines: make(chan string, 1000), header: answer.Header, code: answer.StatusCode, stop: cancel}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(l.lines)
		for scan := bufio.NewScanner(answer.Body); scan.Scan(); {
			l.lines <- scan.Text()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		answer.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return l
}

// next returns the next line that is neither empty nor a comment; "" when the stream ended.
func (l *listener) next() string {
	l.t.Helper()
	for {
		select {
		case line, open := <-l.lines:
			if !open {
				return ""
			}
			if line != "" && !strings.HasPrefix(line, ":") {
				return line
			}
		case <-time.After(10 * time.Second):
			l.t.Fatal("the stream is silent")
		}
	}
}

func (l *listener) event() (id string) {
	l.t.Helper()
	if line := l.next(); line != "event: ruleset" {
		l.t.Fatalf("%q, want an event", line)
	}
	id = strings.TrimPrefix(l.next(), "id: ")
	if data := l.next(); data != `data: {"revision":"`+id+`"}` {
		l.t.Fatalf("the data of event %s are %q", id, data)
	}
	return id
}

func onNetwork(t *testing.T, w *world) string {
	t.Helper()
	s := httptest.NewServer(w.handler)
	t.Cleanup(func() {
		w.stop()
		s.Close()
	})
	return s.URL
}

func quick(d *openapi.Dependencies) { d.Heartbeat = 5 * time.Millisecond }

func TestAStreamTellsWhereItIsAndEveryChange(t *testing.T) {
	w := newShop(t)
	l := listen(t, onNetwork(t, w), w.server, "")
	if l.code != 200 || l.header.Get("Content-Type") != "text/event-stream" || l.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", l.code, l.header)
	}
	if line := l.next(); line != "retry: 1000" {
		t.Fatalf("the first line is %q", line)
	}
	first := l.event()
	w.must("PATCH", banner+"/environments/production", `{"on":false}`)
	second := l.event()
	var served struct{ Revision string }
	decode(t, w.do(call{method: "GET", path: "/api/v1/ruleset", key: w.server}), &served)
	if second == first || second != served.Revision {
		t.Errorf("the events are %s and %s, the ruleset is at %s", first, second, served.Revision)
	}
	w.must("PATCH", banner+"/environments/staging", `{"on":true}`)
	w.must("PATCH", banner+"/environments/production", `{"on":true}`)
	decode(t, w.do(call{method: "GET", path: "/api/v1/ruleset", key: w.server}), &served)
	if third := l.event(); third != served.Revision {
		t.Errorf("after a change in staging and one in production comes %s, the ruleset is at %s", third, served.Revision)
	}
}

func TestAStreamRepeatsNothingToWhoIsUpToDate(t *testing.T) {
	w := newShop(t)
	base := onNetwork(t, w)
	l := listen(t, base, w.server, "")
	l.next()
	now := l.event()
	resumed := listen(t, base, w.server, now)
	resumed.next()
	w.must("PATCH", banner+"/environments/production", `{"on":false}`)
	if id := resumed.event(); id == now {
		t.Errorf("the event %s came again", id)
	}
	stale := listen(t, base, w.server, "1")
	stale.next()
	if id := stale.event(); id == "1" || id == now {
		t.Errorf("who was at 1 is told %s", id)
	}
}

func TestAStreamBeatsAndEndsWithItsKey(t *testing.T) {
	w := newShop(t, quick)
	l := listen(t, onNetwork(t, w), w.server, "")
	l.next()
	l.event()
	for line := ""; !strings.HasPrefix(line, ":"); {
		select {
		case line = <-l.lines:
		case <-time.After(10 * time.Second):
			t.Fatal("no heartbeat")
		}
	}
	w.must("DELETE", shop+"/keys/"+strings.Split(w.server, "_")[2], "")
	if line := l.next(); line != "" {
		t.Errorf("after its key was revoked the stream says %q", line)
	}
}

func TestAStreamEndsWithTheServer(t *testing.T) {
	w := newShop(t)
	l := listen(t, onNetwork(t, w), w.server, "")
	l.next()
	l.event()
	w.stop()
	if line := l.next(); line != "" {
		t.Errorf("a server that shuts down says %q", line)
	}
}

func TestTooManyStreamsAreRefusedAndPlacesBecomeFree(t *testing.T) {
	w := newShop(t, quick, func(d *openapi.Dependencies) { d.MaxStreams = 1 })
	base := onNetwork(t, w)
	l := listen(t, base, w.server, "")
	l.next()
	r := call{method: "GET", path: "/api/v1/ruleset/changes", key: w.server}
	answer := w.do(r)
	if p := problemIn(t, answer); p.Status != 503 || p.Code != "too_many_streams" || answer.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", p.Status, p.Code)
	}
	l.stop()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	deadline := time.Now().Add(10 * time.Second)
	for {
		if again := serve(w, r.request().WithContext(ended)); again.Code == 200 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the place of a stream that ended stays taken")
		}
		runtime.Gosched()
	}
}

// TestAClientThatNeverReadsIsCutOff writes to a connection nobody reads from, until the server gives the stream up.
func TestAClientThatNeverReadsIsCutOff(t *testing.T) {
	w := newShop(t, func(d *openapi.Dependencies) { d.Heartbeat, d.WriteTimeout = time.Millisecond, 20*time.Millisecond })
	near, ended := w.connect(t)
	if _, err := io.WriteString(near, "GET /api/v1/ruleset/changes HTTP/1.1\r\nHost: x\r\nX-API-Key: "+w.server+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream still waits for a client that never reads")
	}
}

// TestABodyThatNeverEndsIsGivenUp sends a part of a body and then nothing.
func TestABodyThatNeverEndsIsGivenUp(t *testing.T) {
	w := newShop(t, func(d *openapi.Dependencies) { d.ReadTimeout = 20 * time.Millisecond })
	near, ended := w.connect(t)
	if _, err := io.WriteString(near, "POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: x\r\nX-API-Key: "+w.client+"\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(near), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestTimeout {
		t.Errorf("the answer is %s, want 408", answer.Status)
	}
	<-ended
}

// connect serves one connection that has no buffer at all: what one side writes waits until the other reads it. ended is
// closed when its first request was handled.
func (w *world) connect(t *testing.T) (near net.Conn, ended chan struct{}) {
	t.Helper()
	ended = make(chan struct{})
	near, far := net.Pipe()
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		defer close(ended)
		w.handler.ServeHTTP(out, r)
	})}
	one := &oneConnection{connection: make(chan net.Conn, 1), done: make(chan struct{})}
	one.connection <- far
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(one) }()
	t.Cleanup(func() {
		near.Close()
		s.Close()
		<-served
	})
	return near, ended
}

// oneConnection is a listener that hands out one connection and then waits until it is closed.
type oneConnection struct {
	connection chan net.Conn
	done       chan struct{}
}

func (l *oneConnection) Accept() (net.Conn, error) {
	select {
	case c := <-l.connection:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *oneConnection) Close() error   { close(l.done); return nil }
func (l *oneConnection) Addr() net.Addr { return &net.TCPAddr{} }

func TestTheRulesetIsSentOnce(t *testing.T) {
	w := newShop(t)
	get := func(match string) *httptest.ResponseRecorder {
		return w.do(call{method: "GET", path: "/api/v1/ruleset", key: w.server, header: map[string]string{"If-None-Match": match}})
	}
	first := get("")
	tag := first.Header().Get("ETag")
	if first.Code != 200 || tag == "" {
		t.Fatalf("%d %s", first.Code, tag)
	}
	for _, match := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		if again := get(match); again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d %s %q", match, again.Code, again.Header().Get("ETag"), again.Body)
		}
	}
	w.must("PATCH", banner+"/environments/production", `{"on":false}`)
	if changed := get(tag); changed.Code != 200 || changed.Header().Get("ETag") == tag {
		t.Errorf("after a change: %d %s", changed.Code, changed.Header().Get("ETag"))
	}
}
