package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"testing"
)

// tool returns the path of a tool, which must be there where the tests must be complete.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: %v", name, err)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// OpenFeature's JavaScript SDK with its OFREP provider, both unmodified, reads every type of flag from a running server.
func TestTheJavaScriptClientReadsEveryTypeOfFlag(t *testing.T) {
	npm, node := tool(t, "npm"), tool(t, "node")
	install := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = "ofrep"
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	s := start(t, t.TempDir(), "")
	in := "/api/v1/projects/shop"
	s.do(t, "POST", "/api/v1/projects", map[string]any{"key": "shop"}, nil)
	variant := func(key string, value any) map[string]any { return map[string]any{"key": key, "value": value} }
	weights := []map[string]any{{"variant": "on", "weight": 100_000}}
	for _, f := range []struct {
		flag, setting map[string]any
	}{
		{map[string]any{"key": "banner", "type": "boolean"}, map[string]any{"on": true, "default": map[string]any{"variant": "off"}}},
		{
			map[string]any{"key": "headline", "type": "string", "variants": []any{variant("plain", "Welcome"), variant("rich", "Welcome back")}},
			map[string]any{"on": true, "rules": []any{map[string]any{
				"if": []any{map[string]any{"attribute": "plan", "operator": "equals", "values": []any{"pro"}}}, "serve": map[string]any{"variant": "rich"},
			}}},
		},
		{map[string]any{"key": "limit", "type": "integer", "variants": []any{variant("high", 2147483647)}}, map[string]any{"on": true}},
		{map[string]any{"key": "rate", "type": "float", "variants": []any{variant("half", 0.5)}}, map[string]any{"on": true}},
		{map[string]any{"key": "theme", "type": "object", "variants": []any{variant("dark", map[string]any{"colours": []any{"black", 1, true}, "deep": map[string]any{"er": nil}})}}, map[string]any{"on": true}},
		{map[string]any{"key": "divided", "type": "boolean"}, map[string]any{"on": true, "default": map[string]any{"split": map[string]any{"weights": weights}}}},
	} {
		s.do(t, "POST", in+"/flags", f.flag, nil)
		s.do(t, "PATCH", in+"/flags/"+f.flag["key"].(string)+"/environments/production", f.setting, nil)
	}
	read := exec.CommandContext(t.Context(), node, "read.mjs", s.URL, s.key(t, "shop", "client", "production"))
	read.Dir, read.Stderr = "ofrep", os.Stderr
	out, err := read.Output()
	if err != nil {
		t.Fatal(err)
	}
	type detail struct {
		Value     any    `json:"value"`
		Variant   string `json:"variant"`
		Reason    string `json:"reason"`
		ErrorCode string `json:"errorCode"`
	}
	got := map[string]detail{}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := map[string]detail{
		"boolean":      {Value: false, Variant: "off", Reason: "STATIC"},
		"string":       {Value: "Welcome", Variant: "plain", Reason: "DEFAULT"},
		"stringForPro": {Value: "Welcome back", Variant: "rich", Reason: "TARGETING_MATCH"},
		"integer":      {Value: 2147483647.0, Variant: "high", Reason: "STATIC"},
		"float":        {Value: 0.5, Variant: "half", Reason: "STATIC"},
		"object":       {Value: map[string]any{"colours": []any{"black", 1.0, true}, "deep": map[string]any{"er": nil}}, Variant: "dark", Reason: "STATIC"},
		"split":        {Value: true, Variant: "on", Reason: "SPLIT"},
		"keyless":      {Value: false, Reason: "ERROR", ErrorCode: "TARGETING_KEY_MISSING"},
		"missing":      {Value: true, Reason: "ERROR", ErrorCode: "FLAG_NOT_FOUND"},
		"mistyped":     {Value: "default", Reason: "ERROR", ErrorCode: "TYPE_MISMATCH"},
	}
	for name, w := range want {
		if g := got[name]; !reflect.DeepEqual(g, w) {
			t.Errorf("%s: got %+v, want %+v", name, g, w)
		}
	}
}
