package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gb "github.com/growthbook/growthbook-golang"
	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	ldeval "github.com/launchdarkly/go-server-sdk-evaluation/v3"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldmodel"
	"github.com/thomaspoignant/go-feature-flag/modules/core/ffcontext"
	goff "github.com/thomaspoignant/go-feature-flag/modules/core/flag"
	"go.yaml.in/yaml/v3"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/client"
)

// importFlags runs the command as a user would.
func (s *server) importFlags(t *testing.T, from, text string, more ...string) (out string, code int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "flags")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	args := append([]string{"import", "flags", "--from", from, "--project", "shop", "--url", s.url, "--key", s.admin, file}, more...)
	code = app.Main(t.Context(), args, app.Streams{Out: &told, Err: &told, Getenv: func(string) string { return "" }})
	return told.String(), code
}

// rules are the environment's, compiled, with all that the log has by now.
func (s *server) rules(t *testing.T) *flags.Ruleset {
	t.Helper()
	var log struct{ Position string }
	s.do(t, "GET", "/api/v1/log", nil, &log)
	var snapshot flags.Snapshot
	query := url.Values{"project": {"shop"}, "environment": {"production"}, "min_position": {log.Position}}
	if _, err := s.DoPatiently(t.Context(), client.Request{Path: "/api/v1/ruleset", Query: query}, &snapshot, 20); err != nil {
		t.Fatal(err)
	}
	rs, err := flags.Compile(snapshot)
	if err != nil || len(rs.Problems()) > 0 {
		t.Fatal(err, rs.Problems())
	}
	return rs
}

// What was imported from flagd decides as flagd does, for generated ids.
func TestFlagsOfFlagdKeepTheirUnits(t *testing.T) {
	const set = `{"flags":{
		"checkout-v2":{"state":"ENABLED","variants":{"a":"A","b":"B","c":"C"},"defaultVariant":"a","targeting":{"fractional":[["a",50],["b",30],["c",20]]}},
		"banner":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[{"$ref":"staff"},"on",{"sem_ver":[{"var":"version"},">=","2.0.0"]},{"fractional":[{"cat":["x",{"var":"company"}]},["on",1],["off",3]]}]}},
		"limit":{"state":"ENABLED","variants":{"low":1,"high":2},"defaultVariant":"low"},
		"dark":{"state":"DISABLED","variants":{"on":true},"defaultVariant":"on"},
		"none":{"state":"ENABLED","variants":{"on":{"x":1}},"targeting":{"if":[{"==":[{"var":"plan"},"pro"]},"on"]}}
	},"$evaluators":{"staff":{"ends_with":[{"var":"mail"},"@shop.example"]}}}`
	s := start(t)
	if out, code := s.importFlags(t, "flagd", set, "--dry-run"); code != 0 || !strings.Contains(out, "would create 5, change 0") {
		t.Fatalf("dry run: %d %s", code, out)
	}
	if out, code := s.importFlags(t, "flagd", set); code != 0 || !strings.Contains(out, "created 5, changed 0") {
		t.Fatalf("%d %s", code, out)
	}
	if out, code := s.importFlags(t, "flagd", set); code != 0 || !strings.Contains(out, "created 0, changed 0, the same 5") {
		t.Errorf("the same again: %d %s", code, out)
	}
	changed := strings.Replace(set, `"defaultVariant":"low"`, `"defaultVariant":"high"`, 1)
	if out, code := s.importFlags(t, "flagd", changed, "--dry-run"); code != 0 || !strings.Contains(out, "change 1, leave 4") || !strings.Contains(out, `default: {"variant":"low"} → {"variant":"high"}`) {
		t.Errorf("a difference: %d %s", code, out)
	}
	rs, flagd := s.rules(t), newDaemon(t, []byte(set))
	for i := range 5_000 {
		context := object{"targetingKey": fmt.Sprint("u", i), "mail": []any{"a@shop.example", "b@x.org"}[i%2], "plan": []any{"pro", "free", nil}[i%3], "version": []any{"1.9.9", "2.1.0", "x"}[i%3], "company": fmt.Sprint(i % 97)}
		for _, key := range rs.Keys() {
			got, want := expected(rs.Decide(key, flags.Subject{Key: context["targetingKey"].(string), Attributes: context})), flagd.decide(key, context)
			if got.Variant != want.Variant || !sameJSON(got.Value, want.Value) || got.Reason != want.Reason && got.Reason != class(want.Reason) {
				t.Fatalf("%s for %s: got %+v, want %+v", key, marshal(t, context), got, want)
			}
		}
	}
}

// Metadata of a file's are told by every evaluation, and change with the file.
func TestMetadataOfFlagdAreImported(t *testing.T) {
	const set = `{"flags":{"limit":{"state":"ENABLED","variants":{"low":1},"defaultVariant":"low","metadata":{"owner":"checkout"}}}}`
	s := start(t)
	owner := func() any { return s.rules(t).Decide("limit", flags.Subject{}).Metadata.Values()["owner"] }
	if out, code := s.importFlags(t, "flagd", set); code != 0 || !strings.Contains(out, `metadata: {"owner":"checkout"}`) || owner() != "checkout" {
		t.Fatalf("%d %s: %v", code, out, owner())
	}
	if out, code := s.importFlags(t, "flagd", set); code != 0 || !strings.Contains(out, "created 0, changed 0, the same 1") {
		t.Errorf("the same again: %d %s", code, out)
	}
	changed := strings.Replace(set, "checkout", "payments", 1)
	if out, code := s.importFlags(t, "flagd", changed); code != 0 || !strings.Contains(out, `metadata: {"owner":"checkout"} → {"owner":"payments"}`) || owner() != "payments" {
		t.Errorf("%d %s: %v", code, out, owner())
	}
	if out, code := s.importFlags(t, "flagd", strings.Replace(set, `{"owner":"checkout"}`, `{}`, 1)); code != 0 || owner() != nil {
		t.Errorf("taken away: %d %s: %v", code, out, owner())
	}
}

func TestWhatCannotBeImportedIsToldForEachFlag(t *testing.T) {
	s := start(t)
	out, code := s.importFlags(t, "flagd", `{"flags":{
		"fine":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on"},
		"mixed":{"state":"ENABLED","variants":{"a":true,"b":"x"},"defaultVariant":"a"},
		"Up per":{"state":"ENABLED","variants":{"a":true},"defaultVariant":"a"},
		"odd":{"state":"ENABLED","variants":{"a":true},"defaultVariant":"a","targeting":{"nonsense":[1]}}
	}}`)
	for _, must := range []string{"create   fine", "cannot   mixed: its variants are not all of one type", "cannot   Up per: the flag key", `cannot   odd: its targeting cannot be evaluated: there is no operator "nonsense"`, "created 1, changed 0, the same 0, not expressible or refused 3"} {
		if !strings.Contains(out, must) {
			t.Errorf("not told: %s\n%s", must, out)
		}
	}
	if code != 1 {
		t.Errorf("the exit code is %d, want 1", code)
	}
}

// What was imported from GrowthBook decides as its library does, for generated ids, at every bound of its buckets.
func TestFeaturesOfGrowthBookKeepTheirUnits(t *testing.T) {
	const features = `{
		"plain":{"defaultValue":true},
		"forced":{"defaultValue":"a","rules":[{"condition":{"country":{"$in":["DE","FR"]},"age":{"$gte":18}},"force":"b"},{"condition":{"plan":"pro"},"force":"c"}]},
		"rollout":{"defaultValue":false,"rules":[{"force":true,"coverage":0.1,"hashAttribute":"id"}]},
		"rollout2":{"defaultValue":false,"rules":[{"condition":{"plan":{"$ne":"free"}},"force":true,"coverage":0.333,"hashAttribute":"company","hashVersion":2}]},
		"trial":{"defaultValue":0,"rules":[{"key":"trial-1","variations":[0,1,2.5],"weights":[0.5,0.3,0.2],"coverage":0.8,"hashAttribute":"id"}]},
		"trial2":{"defaultValue":"x","rules":[{"key":"t","seed":"checkout-v2","variations":["a","b","c"],"weights":[0.1,0.2,0.7],"hashAttribute":"id","hashVersion":2}]},
		"object":{"defaultValue":{"x":1},"rules":[{"variations":[{"x":1},{"y":[2]}],"hashAttribute":"id"}]}
	}`
	s := start(t)
	if out, code := s.importFlags(t, "growthbook", `{"features":`+features+`}`); code != 0 || !strings.Contains(out, "created 7") {
		t.Fatalf("%d %s", code, out)
	}
	out, code := s.importFlags(t, "growthbook", `{"features":{"gated":{"defaultValue":true,"rules":[{"urlPatterns":[],"force":false}]},"regex":{"defaultValue":1,"rules":[{"condition":{"a":{"$regex":"(?=x)"}},"force":2}]}}}`)
	if code != 1 || !strings.Contains(out, "cannot   gated: its rule 1 has \"urlPatterns\"") || !strings.Contains(out, "cannot   regex: its rule 1 looks for \"(?=x)\" in a") {
		t.Errorf("%d %s", code, out)
	}
	c, err := gb.NewClient(context.Background(), gb.WithJsonFeatures(features), gb.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		t.Fatal(err)
	}
	rs := s.rules(t)
	served := map[string]int{}
	for i := range 20_000 {
		attributes := object{"id": fmt.Sprint("u", i), "company": fmt.Sprint("c", i*7), "country": []string{"DE", "FR", "US"}[i%3], "plan": []string{"pro", "free"}[i%2], "age": float64(i % 40)}
		for name := range attributes {
			if name != "id" && (i+len(name))%11 == 0 {
				delete(attributes, name)
			}
		}
		their, err := c.WithAttributes(gb.Attributes(attributes))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range rs.Keys() {
			d := rs.Decide(key, flags.Subject{Key: attributes["id"].(string), Attributes: attributes})
			want := string(marshal(t, their.EvalFeature(t.Context(), key).Value))
			if got := string(d.Value.JSON()); !sameJSON(got, want) {
				t.Fatalf("%s for %s: got %s, want %s", key, marshal(t, attributes), got, want)
			}
			served[key+" "+want]++
		}
	}
	if len(served) < 15 {
		t.Errorf("only %d values are ever served: %v", len(served), served)
	}
}

// What was imported from LaunchDarkly decides as its evaluation engine does, for generated ids.
func TestFlagsOfLaunchDarklyKeepTheirUnits(t *testing.T) {
	const data = `{"flags":{
		"plain":{"key":"plain","on":true,"salt":"s","variations":[true,false],"offVariation":1,"fallthrough":{"variation":0}},
		"dark":{"key":"dark","on":false,"salt":"s","variations":["a","b"],"offVariation":1,"fallthrough":{"variation":0}},
		"rollout":{"key":"rollout","on":true,"salt":"a1b2c3d4e5f6","variations":["a","b","c"],"offVariation":0,"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":50000},{"variation":1,"weight":30000},{"variation":2,"weight":20000}]}}},
		"seeded":{"key":"seeded","on":true,"salt":"x","variations":[1,2.5],"offVariation":0,"fallthrough":{"rollout":{"seed":61,"kind":"experiment","variations":[{"variation":0,"weight":99999},{"variation":1,"weight":1}]}}},
		"ruled":{"key":"ruled","on":true,"salt":"y","variations":[{"v":0},{"v":1},{"v":2}],"offVariation":0,"fallthrough":{"variation":0},
			"targets":[{"values":["u7","u8"],"variation":2}],
			"rules":[
				{"id":"1","clauses":[{"attribute":"country","op":"in","values":["DE","FR"]},{"attribute":"age","op":"greaterThan","values":[18]}],"rollout":{"variations":[{"variation":1,"weight":10000},{"variation":0,"weight":90000}]}},
				{"id":"2","clauses":[{"attribute":"plan","op":"in","values":["free"],"negate":true},{"attribute":"version","op":"semVerLessThan","values":["2.0.0"]}],"variation":1},
				{"id":"3","clauses":[{"attribute":"mail","op":"endsWith","values":["@shop.example"]},{"attribute":"tags","op":"in","values":["beta"]}],"variation":2}
			]}
	}}`
	s := start(t)
	if out, code := s.importFlags(t, "launchdarkly", data); code != 0 || !strings.Contains(out, "created 5") {
		t.Fatalf("%d %s", code, out)
	}
	theirs := map[string]*ldmodel.FeatureFlag{}
	var parsed struct{ Flags map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(data), &parsed); err != nil {
		t.Fatal(err)
	}
	for key, text := range parsed.Flags {
		f, err := ldmodel.NewJSONDataModelSerialization().UnmarshalFeatureFlag(text)
		if err != nil {
			t.Fatal(err)
		}
		theirs[key] = &f
	}
	evaluator := ldeval.NewEvaluator(noData{})
	rs, served := s.rules(t), map[string]bool{}
	for i := range 20_000 {
		attributes := object{"country": []string{"DE", "FR", "US"}[i%3], "age": float64(i % 40), "plan": []string{"pro", "free"}[i%2], "version": []string{"1.9.9", "2.1.0", "x"}[i%7%3], "mail": []string{"a@shop.example", "b@x.org"}[i%5%2], "tags": []any{[]any{"beta", "x"}, "beta", []any{}}[i%4%3]}
		for name := range attributes {
			if (i+len(name))%11 == 0 {
				delete(attributes, name)
			}
		}
		id := fmt.Sprint("u", i)
		b := ldcontext.NewBuilder(id)
		for name, value := range attributes {
			b.SetValue(name, ldvalue.CopyArbitraryValue(value))
		}
		context := b.Build()
		for key, f := range theirs {
			got := string(rs.Decide(key, flags.Subject{Key: id, Attributes: attributes}).Value.JSON())
			want := evaluator.Evaluate(f, context, nil).Detail.Value.JSONString()
			if !sameJSON(got, want) {
				t.Fatalf("%s for %s %s: got %s, want %s", key, id, marshal(t, attributes), got, want)
			}
			served[key+want] = true
		}
	}
	if len(served) < 9 {
		t.Errorf("only these are ever served: %v", served)
	}
}

// noData is a world without segments and prerequisites.
type noData struct{}

func (noData) GetFeatureFlag(string) *ldmodel.FeatureFlag { return nil }
func (noData) GetSegment(string) *ldmodel.Segment         { return nil }

// What was imported from GO Feature Flag decides as its core does, for generated ids.
func TestFlagsOfGOFeatureFlagKeepTheirUnits(t *testing.T) {
	const file = `
plain:
  variations: {on: true, off: false}
  defaultRule: {variation: on}
checkout-v2:
  variations: {a: A, b: B, c: C}
  defaultRule: {percentage: {a: 50, b: 30, c: 20}}
ruled:
  variations: {small: 1, large: 10, odd: 2.5}
  targeting:
    - {name: staff, query: key eq "u7", variation: odd}
    - {name: eu, query: 'country in ["DE", "FR"] and age gt 18', percentage: {small: 90.5, large: 9.5}}
    - {name: mail, query: mail ew "@shop.example", variation: large}
  defaultRule: {variation: small}
dark:
  variations: {on: true}
  defaultRule: {variation: on}
  disable: true
`
	s := start(t)
	if out, code := s.importFlags(t, "goff", file); code != 0 || !strings.Contains(out, "created 4") {
		t.Fatalf("%d %s", code, out)
	}
	if out, code := s.importFlags(t, "goff", "later:\n  variations: {on: true}\n  defaultRule: {progressiveRollout: {}}\nodd:\n  variations: {on: true}\n  targeting: [{query: 'a eq 1 xor b eq 2', variation: on}]\n  defaultRule: {variation: on}\n"); code != 1 || !strings.Contains(out, "cannot   later: its default rule has a progressive rollout") || !strings.Contains(out, "cannot   odd: its rule 1 has the query") {
		t.Errorf("%d %s", code, out)
	}
	var theirs map[string]goff.InternalFlag
	if err := yaml.Unmarshal([]byte(file), &theirs); err != nil {
		t.Fatal(err)
	}
	rs, served := s.rules(t), map[string]bool{}
	for i := range 20_000 {
		attributes := object{"country": []string{"DE", "FR", "US"}[i%3], "age": float64(i % 40), "mail": []string{"a@shop.example", "b@x.org"}[i%5%2]}
		for name := range attributes {
			if (i+len(name))%11 == 0 {
				delete(attributes, name)
			}
		}
		id := fmt.Sprint("u", i)
		context := ffcontext.NewEvaluationContextBuilder(id)
		for name, value := range attributes {
			context.AddCustom(name, value)
		}
		for key, f := range theirs {
			d := rs.Decide(key, flags.Subject{Key: id, Attributes: attributes})
			value, resolution := f.Value(key, context.Build(), goff.Context{DefaultSdkValue: "default"})
			if resolution.Reason == goff.ReasonDisabled {
				if d.Variant != "" || d.Reason != flags.Disabled {
					t.Fatalf("%s: got %+v, want it disabled", key, d)
				}
				continue
			}
			if got, want := string(d.Value.JSON()), string(marshal(t, value)); !sameJSON(got, want) {
				t.Fatalf("%s for %s %s: got %s, want %s", key, id, marshal(t, attributes), got, want)
			}
			served[key+d.Variant] = true
		}
	}
	if len(served) < 7 {
		t.Errorf("only these are ever served: %v", served)
	}
}
