package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// Browsers allow six connections to an origin over HTTP/1.1, which six tabs with an event stream each use up; the same port
// speaks HTTP/2 too, also to a proxy without TLS.
func TestOFREP_S26_TheServerSpeaksHTTP2OnItsPort(t *testing.T) {
	s := start(t, t.TempDir(), "")
	for _, version := range []int{1, 2} {
		var protocols http.Protocols
		protocols.SetHTTP1(version == 1)
		protocols.SetUnencryptedHTTP2(version == 2)
		transport := &http.Transport{Protocols: &protocols}
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/ofrep/v1/evaluate/flags/x", strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		transport.CloseIdleConnections()
		if answer.ProtoMajor != version || answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("asked by HTTP/%d, answered %s %d", version, answer.Proto, answer.StatusCode)
		}
	}
}
