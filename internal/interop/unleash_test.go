package interop

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Unleash/unleash-client-go/v4"
	unleashcontext "github.com/Unleash/unleash-client-go/v4/context"

	"github.com/assayhq/assay/flags"
)

// stub answers every request with one body: no network is involved.
type stub []byte

func (s stub) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(s)), Request: r}, nil
}

// What was imported from Unleash decides as its client does, for generated ids.
func TestFeaturesOfUnleashKeepTheirUnits(t *testing.T) {
	const features = `{"version":2,"features":[
		{"name":"plain","enabled":true,"strategies":[{"name":"default"}]},
		{"name":"dark","enabled":false,"strategies":[{"name":"default"}]},
		{"name":"rollout","enabled":true,"strategies":[{"name":"flexibleRollout","parameters":{"rollout":"37","stickiness":"userId","groupId":"checkout-v2"}}]},
		{"name":"company","enabled":true,"strategies":[{"name":"flexibleRollout","parameters":{"rollout":"50","stickiness":"company","groupId":"g"},"constraints":[{"contextName":"plan","operator":"NOT_IN","values":["free"]}]}]},
		{"name":"listed","enabled":true,"strategies":[{"name":"userWithId","parameters":{"userIds":"u1, u7"}},{"name":"flexibleRollout","parameters":{"rollout":"1","stickiness":"default","groupId":"x"},"constraints":[{"contextName":"mail","operator":"STR_ENDS_WITH","values":["@SHOP.example"],"caseInsensitive":true},{"contextName":"country","operator":"IN","values":["DE"],"inverted":true}]}]}
	]}`
	s := start(t)
	if out, code := s.importFlags(t, "unleash", features); code != 0 || !strings.Contains(out, "created 5") {
		t.Fatalf("%d %s", code, out)
	}
	c, err := unleash.NewClient(unleash.WithAppName("test"), unleash.WithUrl("http://127.0.0.1:1/"), unleash.WithHttpClient(&http.Client{Transport: stub(features)}),
		unleash.WithDisableMetrics(true), unleash.WithRefreshInterval(time.Hour), unleash.WithBackupPath(t.TempDir()), unleash.WithListener(&unleash.NoopListener{}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.WaitForReady()
	rs, served := s.rules(t), map[string]bool{}
	for i := range 20_000 {
		properties := map[string]string{"company": fmt.Sprint("c", i%997), "plan": []string{"pro", "free"}[i%2], "mail": []string{"a@shop.example", "b@x.org"}[i%5%2], "country": []string{"DE", "FR"}[i%3%2]}
		attributes := object{}
		for name, value := range properties {
			if (i+len(name))%11 == 0 {
				delete(properties, name)
				continue
			}
			attributes[name] = value
		}
		id := fmt.Sprint("u", i)
		for _, key := range rs.Keys() {
			got, _ := rs.Decide(key, flags.Subject{Key: id, Attributes: attributes}).Value.Bool()
			want := c.IsEnabled(key, unleash.WithContext(unleashcontext.Context{UserId: id, Properties: properties}))
			if got != want {
				t.Fatalf("%s for %s %s: got %v, want %v", key, id, marshal(t, attributes), got, want)
			}
			served[fmt.Sprint(key, want)] = true
		}
	}
	if len(served) < 8 {
		t.Errorf("only these are ever served: %v", served)
	}
}
