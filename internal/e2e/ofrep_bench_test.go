package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// BenchmarkOFREP asks over HTTP on loopback: one flag and 100 flags, beside an echo handler that returns a static body of the
// size of the single answer. The ratios are measured in rounds that alternate, because machines are noisy: "of-echo" is the
// throughput of single evaluations as a part of echo's, "cpu-of-echo" the same by processor time (client, server and collector
// together), which other work of the machine does not disturb.
func BenchmarkOFREP(b *testing.B) {
	s := start(b, b.TempDir(), "")
	in := "/api/v1/projects/shop"
	s.do(b, "POST", "/api/v1/projects", map[string]any{"key": "shop"}, nil)
	for i := range 100 {
		key := fmt.Sprintf("flag-%03d", i)
		s.do(b, "POST", in+"/flags", map[string]any{"key": key, "type": "boolean"}, nil)
		s.do(b, "PATCH", in+"/flags/"+key+"/environments/production", map[string]any{"on": true, "rules": []any{map[string]any{
			"if": []any{map[string]any{"attribute": "plan", "operator": "equals", "values": []any{"pro"}}}, "serve": map[string]any{"variant": "on"},
		}}, "default": map[string]any{"split": map[string]any{"weights": []any{map[string]any{"variant": "on", "weight": 50_000}, map[string]any{"variant": "off", "weight": 50_000}}}}}, nil)
	}
	key := s.key(b, "shop", "server", "production")
	single := asker{url: s.URL + "/ofrep/v1/evaluate/flags/flag-050", key: key}
	bulk := asker{url: s.URL + "/ofrep/v1/evaluate/flags", key: key}
	body := single.ask(b, http.DefaultClient)
	static := asker{url: echoStatic(b, body), key: key}
	b.Run("single", func(b *testing.B) {
		var ours, theirs, cost, theirCost float64
		for b.Loop() {
			began := ownTime(b)
			n := static.throughput(b)
			middle := ownTime(b)
			m := single.throughput(b)
			theirs, ours = theirs+n, ours+m
			theirCost, cost = theirCost+(middle-began)/n, cost+(ownTime(b)-middle)/m
		}
		b.ReportMetric(ours/theirs, "of-echo")
		b.ReportMetric(theirCost/cost, "cpu-of-echo")
		b.ReportMetric(ours/float64(b.N), "requests/s")
		b.ReportMetric(theirs/float64(b.N), "echo-requests/s")
	})
	b.Run("bulk100", func(b *testing.B) {
		var ours float64
		for b.Loop() {
			ours += bulk.throughput(b)
		}
		b.ReportMetric(ours/float64(b.N), "requests/s")
	})
}

// ownTime is what the process has used of all processors, in seconds.
func ownTime(b *testing.B) float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// echoStatic is a server of echo alone, on the same kind of listener, that reads the request and answers the body.
func echoStatic(b *testing.B, body []byte) string {
	e := echo.New()
	e.POST("/", func(c echo.Context) error {
		if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
			return err
		}
		return c.JSONBlob(http.StatusOK, body)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	web := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}
	var serving sync.WaitGroup
	serving.Go(func() { _ = web.Serve(l) })
	b.Cleanup(func() { web.Close(); serving.Wait() })
	return "http://" + l.Addr().String() + "/"
}

type asker struct{ url, key string }

const question = `{"context":{"targetingKey":"user-1","country":"DE","plan":"free"}}`

func (a asker) ask(b *testing.B, c *http.Client) []byte {
	r, err := http.NewRequestWithContext(b.Context(), "POST", a.url, strings.NewReader(question))
	if err != nil {
		b.Fatal(err)
	}
	r.Header["Content-Type"], r.Header["Authorization"] = []string{"application/json"}, []string{"Bearer " + a.key}
	answer, err := c.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		b.Fatal(err, answer.StatusCode, body.String())
	}
	answer.Body.Close()
	return body.Bytes()
}

// throughput is how many requests a second four clients get answered in a quarter of a second.
func (a asker) throughput(b *testing.B) float64 {
	const clients, round = 4, 250 * time.Millisecond
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	counts := make([]int, clients)
	began := time.Now()
	var asking sync.WaitGroup
	for i := range clients {
		asking.Go(func() {
			for c := (&http.Client{Transport: transport}); time.Since(began) < round; counts[i]++ {
				a.ask(b, c)
			}
		})
	}
	asking.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(began).Seconds()
}
