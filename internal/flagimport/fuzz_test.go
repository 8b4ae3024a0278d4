package flagimport_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/internal/flagimport"
)

// Whatever is in a file: reading it ends without a panic, the same file gives the same flags, and each of them can be served.
func FuzzSources(f *testing.F) {
	f.Add(0, `{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on","targeting":{"fractional":[["on",1],["off",1]]}}},"$evaluators":{"x":{"==":[1,1]}}}`)
	f.Add(2, "f:\n  variations: {on: true, off: false}\n  bucketingKey: org.key\n  targeting: [{name: a, query: 'a eq 1 and not (b pr)', percentage: {on: 10, off: 90}}]\n  defaultRule: {progressiveRollout: {initial: {variation: off, date: 2026-01-01T00:00:00Z}, end: {variation: on, date: 2027-01-01T00:00:00Z}}}\n  scheduledRollout: [{date: 2027-01-01T00:00:00Z, disable: true}]\n  experimentation: {start: 2026-01-01T00:00:00Z, end: 2028-01-01T00:00:00Z}\n")
	f.Add(3, `{"features":{"f":{"defaultValue":null,"rules":[{"condition":{"$or":[{"a.b":{"$in":[1,"x",null]}},{"v":{"$vgt":"1.2"}}],"id":{"$inGroup":"g"}},"parentConditions":[{"id":"g","condition":{"value":true},"gate":true}],"force":2,"coverage":0.3,"hashVersion":2},{"variations":[1,2],"weights":[0.5,0.5],"namespace":["n",0,0.5],"filters":[{"seed":"s","ranges":[[0,0.5]]}],"meta":[{"passthrough":true}]}]},"g":{"defaultValue":true}},"savedGroups":{"g":["u1"]}}`)
	f.Add(4, `{"flags":{"f":{"on":true,"salt":"s","variations":[1,2],"offVariation":0,"fallthrough":{"rollout":{"contextKind":"org","bucketBy":"/a/b","variations":[{"variation":0,"weight":100000}]}},"contextTargets":[{"contextKind":"org","values":["x"],"variation":1}],"rules":[{"id":"r","clauses":[{"contextKind":"org","attribute":"/a/b","op":"before","values":[1,"2026-01-01T00:00:00Z"],"negate":true},{"op":"segmentMatch","values":["s"]}],"variation":1}],"prerequisites":[{"key":"g","variation":1}]},"g":{"on":false,"variations":[true,false],"offVariation":1,"fallthrough":{"variation":0}}},"segments":{"s":{"included":["u1"],"excludedContexts":[{"contextKind":"org","values":["x"]}],"rules":[{"weight":50000,"bucketBy":"a","clauses":[]}]}}}`)
	f.Add(4, `{"items":[{"key":"f","variations":[{"value":1}],"environments":{"test":{"on":true,"fallthrough":{"variation":0}}}}]}`)
	f.Add(5, `{"features":[{"name":"f","enabled":true,"strategies":[{"name":"flexibleRollout","parameters":{"rollout":"37","stickiness":"default","groupId":"g"},"constraints":[{"contextName":"currentTime","operator":"DATE_AFTER","value":"2027-01-01T00:00:00Z"}],"segments":[1],"variants":[{"name":"a","weight":500,"payload":{"type":"json","value":"{}"},"overrides":[{"contextName":"userId","values":["u1"]}]}]}],"variants":[{"name":"b","weight":1}],"dependencies":[{"feature":"g","variants":["a"]}]},{"name":"g","enabled":false,"strategies":[]}],"segments":[{"id":1,"constraints":[{"contextName":"v","operator":"SEMVER_GT","value":"1.0.0","inverted":true}]}]}`)
	f.Fuzz(func(t *testing.T, which int, text string) {
		names := flagimport.Sources()
		name := names[((which%len(names))+len(names))%len(names)]
		source, _ := flagimport.SourceNamed(name)
		o := flagimport.Options{Now: now}
		m, err := source([]byte(text), o)
		if err != nil {
			return
		}
		held(t, m)
		again, err := source([]byte(text), o)
		if err != nil || !sameImport(t, m, again) {
			t.Fatalf("the same file is read as something else: %v", err)
		}
	})
}

// held checks what every import promises.
func held(t *testing.T, m flagimport.Import) {
	t.Helper()
	rs, err := flags.Compile(m.Snapshot())
	if err != nil {
		return // keys that are there twice
	}
	if p := rs.Problems(); len(p) > 0 {
		t.Fatalf("flags are imported that cannot be served: %+v", p)
	}
	for key := range rs.All(flags.Subject{Key: "u1", Attributes: map[string]any{"a": 1, "org": map[string]any{"key": "x"}}}) {
		if key == "" {
			t.Fatal("a flag has no key")
		}
	}
	for _, p := range m.Problems {
		if p.Detail == "" {
			t.Fatalf("the flag %s is not imported, and nobody says why", p.Flag)
		}
	}
}

func sameImport(t *testing.T, a, b flagimport.Import) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	return err == nil && string(x) == string(y)
}

// Whatever a query of GO Feature Flag's is, it is a condition or named.
func FuzzQueriesOfGOFeatureFlag(f *testing.F) {
	for _, q := range []string{
		`a eq "x"`, `a in ["x", "y"] and (b gt 1.5 or not (c pr))`, `a.b ne null`, `v ge 1.2.3`, `anonymous eq true`, `key in ["u"]`, `a lt -3`, `a eq 1e5`, `a eq`, `((((`, `A AA "`, `not(a pr)`, `a co "\"" or b pr`,
		`{"if":[{"var":"a"},true,{"some":[{"var":"l"},{"==":[{"var":"key"},1]}]}]}`,
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		file := map[string]any{"f": map[string]any{
			"variations": map[string]any{"on": true, "off": false}, "targeting": []any{map[string]any{"query": query, "variation": "on"}}, "defaultRule": map[string]any{"variation": "off"},
		}}
		text, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := flagimport.GOFeatureFlag(text, flagimport.Options{Now: now})
		if err != nil {
			return // what YAML does not take
		}
		held(t, m)
		if len(m.Flags) == 0 && (len(m.Problems) != 1 || !strings.Contains(m.Problems[0].Detail, "rule")) {
			t.Fatalf("the flag is gone without a reason: %+v", m.Problems)
		}
	})
}

// Whatever a condition of GrowthBook's is, it is a condition here or named.
func FuzzConditionsOfGrowthBook(f *testing.F) {
	for _, c := range []string{
		`{}`, `null`, `[]`, `{"a":1}`, `{"a":{"$not":{"$in":[1,null,"x"]}}}`, `{"$nor":[{"a":{"$size":{"$gt":1}}},{"b.c":{"$exists":0}}]}`, `{"v":{"$vlte":"1.2.3-rc.1"}}`, `{"l":{"$elemMatch":{"$ne":1}}}`,
		`{"a":{"$regexi":"^x$"}}`, `{"$savedGroup":{"id":"g","attributeKey":"a"}}`, `{"id":{"$notInGroup":"g"}}`, `{"l":{"$alli":["A"]}}`, `{"a":{"$type":"null"}}`,
	} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, condition string) {
		if !json.Valid([]byte(condition)) {
			return
		}
		m, err := flagimport.GrowthBook([]byte(`{"features":{"f":{"defaultValue":false,"rules":[{"condition":`+condition+`,"force":true}]}},"savedGroups":{"g":["u1"]}}`), flagimport.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		held(t, m)
		if len(m.Flags)+len(m.Problems) != 1 {
			t.Fatalf("one feature became %d flags and %d problems", len(m.Flags), len(m.Problems))
		}
	})
}
