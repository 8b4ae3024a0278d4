package interop

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/go-logr/logr"
	flagd "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

func portOf(t testing.TB, address string) uint16 {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(n)
}

// clientOf waits until the provider is ready.
func clientOf(t *testing.T, p openfeature.FeatureProvider) *openfeature.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := openfeature.SetNamedProviderWithContextAndWait(ctx, t.Name(), p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = openfeature.SetNamedProvider(t.Name(), openfeature.NoopProvider{}) })
	return openfeature.NewClient(t.Name())
}

func inProcess(t *testing.T, options ...flagd.ProviderOption) *flagd.Provider {
	t.Helper()
	p, err := flagd.NewProvider(append([]flagd.ProviderOption{flagd.WithInProcessResolver(), flagd.WithHost("127.0.0.1"), flagd.WithDeadline(20_000), flagd.WithLogger(logr.Discard())}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func someFlags(t *testing.T, s *server) {
	s.flag(t, object{"key": "banner", "type": "boolean"}, object{"on": true, "default": object{"variant": "off"}, "rules": []any{
		object{"if": []any{object{"attribute": "plan", "operator": "equals", "values": []any{"pro"}}}, "serve": object{"variant": "on"}},
	}})
	s.flag(t, object{"key": "limit", "type": "integer", "variants": []any{object{"key": "high", "value": 2147483647}, object{"key": "low", "value": 0}}}, object{"on": true})
	s.flag(t, object{"key": "dark", "type": "string", "variants": []any{object{"key": "a", "value": "A"}}}, object{"on": false})
}

func readFlags(t *testing.T, c *openfeature.Client) {
	t.Helper()
	pro := openfeature.NewEvaluationContext("user-1", map[string]any{"plan": "pro"})
	if d, err := c.BooleanValueDetails(t.Context(), "banner", false, pro); err != nil || !d.Value || d.Variant != "on" || d.Reason != openfeature.TargetingMatchReason {
		t.Errorf("banner: %+v %v", d, err)
	}
	if d, err := c.BooleanValueDetails(t.Context(), "banner", true, openfeature.NewEvaluationContext("user-1", nil)); err != nil || d.Value || d.Reason != openfeature.DefaultReason {
		t.Errorf("banner for nobody special: %+v %v", d, err)
	}
	if d, err := c.IntValueDetails(t.Context(), "limit", 1, openfeature.EvaluationContext{}); err != nil || d.Value != 2147483647 || d.Reason != openfeature.StaticReason {
		t.Errorf("limit: %+v %v", d, err)
	}
	if d, err := c.StringValueDetails(t.Context(), "dark", "x", openfeature.EvaluationContext{}); err != nil || d.Value != "A" {
		t.Errorf("dark: %+v %v", d, err)
	}
	if d, err := c.BooleanValueDetails(t.Context(), "moon", true, pro); err == nil || !d.Value || d.ErrorCode != openfeature.FlagNotFoundCode {
		t.Errorf("moon: %+v %v", d, err)
	}
}

func TestTheGoFlagdProviderDecidesInItsProcess(t *testing.T) {
	s := start(t)
	someFlags(t, s)
	c := clientOf(t, inProcess(t, flagd.WithPort(portOf(t, s.flagd)), flagd.WithSelector("flagSetId=shop/production")))
	readFlags(t, c)
	changed := make(chan openfeature.EventDetails, 10)
	handle := func(d openfeature.EventDetails) { changed <- d }
	c.AddHandler(openfeature.ProviderConfigChange, &handle)
	s.do(t, "PATCH", "/api/v1/projects/shop/flags/banner/environments/production", object{"on": false}, nil)
	for waiting := true; waiting; {
		select {
		case d := <-changed:
			// The first sync may still be told of. A flag that did not change is the same text, and so it is not reported.
			waiting = len(d.FlagChanges) != 1 || d.FlagChanges[0] != "banner"
		case <-time.After(10 * time.Second):
			t.Fatal("no event tells that banner alone has changed")
		}
	}
	if d, err := c.BooleanValueDetails(t.Context(), "banner", true, openfeature.NewEvaluationContext("u", map[string]any{"plan": "pro"})); err != nil || d.Value {
		t.Errorf("after the change: %+v %v", d, err)
	}
}

// On the server's own port the provider shows its key as a header.
func TestTheGoFlagdProviderShowsItsKey(t *testing.T) {
	s := start(t)
	someFlags(t, s)
	withKey := grpc.WithChainStreamInterceptor(func(ctx context.Context, d *grpc.StreamDesc, c *grpc.ClientConn, method string, next grpc.Streamer, o ...grpc.CallOption) (grpc.ClientStream, error) {
		return next(metadata.AppendToOutgoingContext(ctx, "x-api-key", s.key), d, c, method, o...)
	})
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials()), withKey}
	readFlags(t, clientOf(t, inProcess(t, flagd.WithPort(portOf(t, s.url[len("http://"):])), flagd.WithGrpcDialOptionsOverride(options))))
}

func TestTheGoOFREPProviderReadsOurFlags(t *testing.T) {
	s := start(t)
	someFlags(t, s)
	readFlags(t, clientOf(t, ofrep.NewProvider(s.url, ofrep.WithApiKeyAuth(s.key))))
}
