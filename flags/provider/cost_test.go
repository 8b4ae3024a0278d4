package provider_test

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/assayhq/assay/flags"
)

// constant is a provider that answers without looking: the SDK's own cost.
type constant struct{ openfeature.NoopProvider }

func (c *constant) BooleanEvaluation(context.Context, string, bool, openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	return openfeature.BoolResolutionDetail{Value: true, ProviderResolutionDetail: openfeature.ProviderResolutionDetail{Reason: openfeature.StaticReason, Variant: "v"}}
}

func costly(t testing.TB) map[string]func() {
	split := fixed("split", flags.Boolean, "true")
	all := everybody("s")
	split.Default = flags.Serve{Split: &all}
	a := newApp(t, newServer(t, fixed("static", flags.Boolean, "true"), split, tested("experiment")), slowly).start(t)
	sdk := isolated.NewAPI()
	if err := sdk.SetProviderAndWait(t.Context(), &constant{}); err != nil {
		t.Fatal(err)
	}
	none := sdk.NewClient()
	subject := openfeature.NewEvaluationContext("user-000000000000001", map[string]any{"country": "DE", "plan": "pro", "age": 30})
	ctx := t.Context()
	evaluations := map[string]func(){"constant": func() { none.Boolean(ctx, "static", false, subject) }}
	for _, key := range []string{"static", "split", "experiment"} {
		evaluations[key] = func() { a.Boolean(ctx, key, false, subject) }
	}
	return evaluations
}

func TestAnEvaluationAllocatesNothingBeyondTheSDK(t *testing.T) {
	all := costly(t)
	floor := testing.AllocsPerRun(200, all["constant"])
	for key, evaluate := range all {
		if n := testing.AllocsPerRun(200, evaluate); n > floor {
			t.Errorf("%s: %v allocations, the SDK alone %v", key, n, floor)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	all := costly(b)
	for _, key := range []string{"constant", "static", "split", "experiment"} {
		b.Run(key, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				all[key]()
			}
		})
	}
}

// What an app takes on by importing the provider, besides the standard library. A new line here is a new dependency of every
// Go app that uses assay.
func TestTheProviderBringsNothingButTheSDK(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(out))
	slices.Sort(got)
	want := []string{
		"github.com/assayhq/assay/flags", "github.com/assayhq/assay/flags/jsonlogic",
		"github.com/assayhq/assay/flags/provider",
		"github.com/open-feature/go-sdk/openfeature",
		"github.com/open-feature/go-sdk/openfeature/internal",
		"github.com/open-feature/go-sdk/openfeature/internal/factory",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
