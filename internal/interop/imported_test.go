package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/flagimport"
)

// report is what the command says with --format json.
type report struct {
	Created, Changed, Unchanged int
	Changes                     []struct {
		Flag, Segment, What string
		Details             []string
	}
	Notes, Problems []flagimport.Problem
}

// imports runs the command, which must end with the exit code.
func (s *server) imports(t *testing.T, from string, file any, code int, more ...string) (r report) {
	t.Helper()
	out, got := s.importFlags(t, from, string(marshal(t, file)), append(more, "--format", "json")...)
	text, _, _ := strings.Cut(out, "\nassay import:") // which goes to standard error
	if err := json.Unmarshal([]byte(text), &r); err != nil || got != code {
		t.Fatalf("exit code %d, want %d: %v\n%s", got, code, err, out)
	}
	return r
}

// servesAs checks that the server decides as the import does.
func (s *server) servesAs(t *testing.T, from string, file any, contexts []flags.Subject) {
	t.Helper()
	want, m := newTally().read(t, from, file)
	rs := s.rules(t)
	for _, who := range contexts {
		for _, f := range m.Flags {
			a, b := rs.Decide(f.Key, who), want.Decide(f.Key, who)
			if valueOf(a) != valueOf(b) || a.Variant != b.Variant {
				t.Fatalf("%s for %s: the server serves %s %s, want %s %s", f.Key, marshal(t, who.Attributes), a.Variant, valueOf(a), b.Variant, valueOf(b))
			}
		}
	}
}

// What the API makes of an import decides as the import does, and importing the same again changes nothing.
func TestImportsThroughTheServerAreTheImports(t *testing.T) {
	for name, from := range map[string]func(seed uint64) (any, func() flags.Subject){
		"launchdarkly": func(seed uint64) (any, func() flags.Subject) {
			g := &ldGenerator{drawn: draw(seed)}
			return g.file(), func() flags.Subject { who, _ := g.context(); return who }
		},
		"growthbook": func(seed uint64) (any, func() flags.Subject) {
			g := &gbGenerator{drawn: draw(seed)}
			return g.file(), func() flags.Subject {
				attributes := g.attributes()
				key, _ := attributes["id"].(string)
				return flags.Subject{Key: key, Attributes: attributes}
			}
		},
		"unleash": func(seed uint64) (any, func() flags.Subject) {
			g := &unleashGenerator{drawn: draw(seed)}
			return g.file(), func() flags.Subject { who, _ := g.context(); return who }
		},
		"goff": func(seed uint64) (any, func() flags.Subject) {
			g := &goffGenerator{draw(seed)}
			file := object{}
			for i := range 8 {
				f := g.flag()
				delete(f, "scheduledRollout") // the command imports at the time of the test
				delete(f, "experimentation")
				delete(f, "defaultRule")
				f["defaultRule"] = object{"variation": "a"}
				f["targeting"] = []object{{"query": g.query(2), "variation": "b"}, {"query": g.query(2), "percentage": object{"a": 20, "c": 80}}, {"query": g.logic(), "variation": "c"}}
				file["flag-"+string(rune('a'+i))] = f
			}
			return file, func() flags.Subject { who, _, _ := g.context(); return who }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2) {
				s := start(t)
				file, context := from(1_000 + seed)
				_, m := newTally().read(t, name, file)
				code := 0
				if len(m.Problems) > 0 {
					code = 1
				}
				r := s.imports(t, name, file, code)
				if got := r.Created + r.Changed + r.Unchanged; got != len(m.Flags)+len(m.Segments) || len(r.Problems) != len(m.Problems) {
					t.Fatalf("%d flags and segments are in, want %d; problems %+v", got, len(m.Flags)+len(m.Segments), r.Problems)
				}
				var contexts []flags.Subject
				for range 100 {
					contexts = append(contexts, context())
				}
				s.servesAs(t, name, file, contexts)
				if r := s.imports(t, name, file, code); r.Created+r.Changed > 0 {
					t.Fatalf("the same again makes %d and changes %d: %+v", r.Created, r.Changed, r.Changes)
				}
			}
		})
	}
}

const importedExample = `{"flags":{
	"paid":{"on":true,"salt":"s","variations":[true,false],"offVariation":1,"fallthrough":{"variation":1},"rules":[{"id":"r","variation":0,"clauses":[{"op":"segmentMatch","values":["payers"]}]}]},
	"look":{"on":true,"salt":"s","variations":["a","b","c"],"offVariation":0,"prerequisites":[{"key":"paid","variation":0}],"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":50000},{"variation":1,"weight":50000}]}}},
	"old":{"on":true,"salt":"s","variations":[1,2],"offVariation":0,"fallthrough":{"variation":0}}
},"segments":{"payers":{"key":"payers","salt":"x","included":["u1","u2","u3"],"excluded":["u9"],"rules":[{"clauses":[{"attribute":"plan","op":"in","values":["pro"]}]}]}}}`

// An engineer sees what an import would do before it does it, and what it does later: to flags, rules, variants and segments.
func TestAnImportShowsWhatItChanges(t *testing.T) {
	s := start(t)
	var file object
	if err := json.Unmarshal([]byte(importedExample), &file); err != nil {
		t.Fatal(err)
	}
	out, code := s.importFlags(t, "launchdarkly", importedExample, "--dry-run")
	for _, must := range []string{
		"create   segment payers\n         1 rules, 3 units included, 1 excluded\n", "create   paid\n         boolean, on; variants: on true, off false\n         r: if [{\"segments\":[\"payers\"]}] → {\"variant\":\"on\"}\n",
		"would create 4, change 0, leave 0, cannot bring 0; nothing was changed\n",
	} {
		if !strings.Contains(out, must) || code != 0 {
			t.Errorf("exit code %d, and not told: %s\n%s", code, must, out)
		}
	}
	if len(s.rules(t).Keys()) > 0 {
		t.Error("a dry run made flags")
	}
	s.imports(t, "launchdarkly", file, 0)
	contexts := []flags.Subject{{Key: "u1"}, {Key: "u9"}, {Key: "u10", Attributes: object{"plan": "pro"}}}
	for i := range 500 {
		contexts = append(contexts, flags.Subject{Key: ids(i), Attributes: object{"plan": []string{"pro", "free"}[i%2]}})
	}
	s.servesAs(t, "launchdarkly", file, contexts)

	// Another weight for an arm, a variation less (which stays: other environments may serve it), a unit more and one less, another condition.
	changed := strings.NewReplacer(
		`"variations":["a","b","c"]`, `"variations":["a","b"]`, `{"variation":0,"weight":50000},{"variation":1,"weight":50000}`, `{"variation":1,"weight":30000},{"variation":0,"weight":70000}`,
		`["u1","u2","u3"]`, `["u1","u2","u4"]`, `"values":["pro"]`, `"values":["pro","team"]`,
	).Replace(importedExample)
	out, code = s.importFlags(t, "launchdarkly", changed, "--dry-run")
	for _, must := range []string{
		"change   segment payers\n         ~ rule-1 /if/0/values: [\"pro\"] → [\"pro\",\"team\"]\n", "included: 1 units more, 1 less\n", "change   look\n", "would create 0, change 2, leave 2, cannot bring 0; nothing was changed\n",
	} {
		if !strings.Contains(out, must) || code != 0 {
			t.Errorf("exit code %d, and not told: %s\n%s", code, must, out)
		}
	}
	s.servesAs(t, "launchdarkly", file, contexts) // still
	if err := json.Unmarshal([]byte(changed), &file); err != nil {
		t.Fatal(err)
	}
	if r := s.imports(t, "launchdarkly", file, 0); r.Changed != 2 || r.Unchanged != 2 {
		t.Errorf("%+v", r)
	}
	s.servesAs(t, "launchdarkly", file, contexts)
}

// What cannot be changed into what the import brings costs that flag, and none of the others.
func TestAnImportThatFailsForOneFlagBringsTheOthers(t *testing.T) {
	s := start(t)
	s.flag(t, object{"key": "look", "type": "integer", "variants": []object{{"key": "one", "value": 1}}}, object{"on": true})
	s.flag(t, object{"key": "old", "type": "integer", "variants": []object{{"key": "one", "value": 1}}}, object{"on": true})
	s.do(t, "POST", "/api/v1/projects/shop/flags/old/archive", object{}, nil)
	out, code := s.importFlags(t, "launchdarkly", importedExample)
	for _, must := range []string{
		"create   segment payers", "create   paid", "cannot   look: there is a flag of this key whose type is integer", "cannot   old: there is an archived flag of this key; restore it", "created 2, changed 0, the same 0, not expressible or refused 2",
	} {
		if !strings.Contains(out, must) || code != 1 {
			t.Errorf("exit code %d, and not told: %s\n%s", code, must, out)
		}
	}
}

// What is exported and imported again decides as before. What flagd's format cannot say is told, is no flag of the import, and
// the exit code says so.
func TestExportedFlagsDecideTheSame(t *testing.T) {
	s := start(t)
	s.do(t, "POST", "/api/v1/projects/shop/environments", object{"key": "copy"}, nil)
	s.imports(t, "launchdarkly", json.RawMessage(importedExample), 0) // SHA-1, which flagd does not have
	s.imports(t, "flagd", object{"flags": object{"logic": object{"state": "ENABLED", "variants": object{"on": true, "off": false}, "defaultVariant": "off", "targeting": object{"if": []any{object{"==": []any{object{"var": "plan"}, "pro"}}, "on"}}}}}, 0)
	names := []object{{"key": "a", "value": "A"}, {"key": "b", "value": "B"}}
	split := object{"weights": []object{{"variant": "a", "weight": 30_000}, {"variant": "b", "weight": 70_000}}}
	s.flag(t, object{"key": "plain", "type": "string", "variants": names}, object{"on": true, "default": object{"variant": "b"}})
	s.flag(t, object{"key": "dark", "type": "string", "variants": names}, object{"off": "", "on": false})
	s.flag(t, object{"key": "shared", "type": "string", "variants": names}, object{"on": true, "default": object{"split": split}})
	s.flag(t, object{"key": "ruled", "type": "string", "variants": names}, object{"on": true, "default": object{"variant": "b"}, "rules": []object{
		{"if": []object{{"attribute": "tags", "operator": "ends_with", "values": []string{"ta"}, "elements": true}}, "serve": object{"split": split}},
		{"if": []object{{"segments": []string{"payers"}}, {"flag": "plain", "variants": []string{"b"}}}, "serve": object{"variant": "a"}},
	}})
	s.flag(t, object{"key": "folded", "type": "string", "variants": names}, object{"on": true, "rules": []object{{"if": []object{{"attribute": "plan", "operator": "equals", "values": []string{"PRO"}, "ignore_case": true}}, "serve": object{"variant": "b"}}}})

	file := filepath.Join(t.TempDir(), "flags.json")
	var told, out bytes.Buffer
	code := app.Main(t.Context(), []string{"export", "flags", "--to", "flagd", "--project", "shop", "--out", file, "--url", s.url, "--key", s.admin}, app.Streams{Out: &out, Err: &told, Getenv: func(string) string { return "" }})
	for _, must := range []string{"cannot   look: it assigns units by the algorithm launchdarkly/1", "cannot   folded: flagd cannot ignore case", "2 of 9 flags are not in the export as they are; see above"} {
		if !strings.Contains(told.String(), must) || code != 1 {
			t.Errorf("exit code %d, and not told: %s\n%s", code, must, told.String())
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := s.imports(t, "flagd", json.RawMessage(text), 1, "--environment", "copy")
	if len(r.Problems) != 2 || r.Changed != 7 {
		t.Errorf("the import changes %d, and cannot bring %+v", r.Changed, r.Problems)
	}
	var snapshot flags.Snapshot
	s.do(t, "GET", "/api/v1/ruleset?project=shop&environment=copy", nil, &snapshot)
	again, err := flags.Compile(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	before, served := s.rules(t), map[string]int{}
	for i := range 3_000 {
		who := flags.Subject{Key: ids(i), Attributes: object{"plan": []string{"pro", "free", "PRO"}[i%3], "tags": []any{[]any{"beta", "x"}, []any{}, "ta"}[i%4%3]}}
		for _, key := range []string{"paid", "logic", "plain", "dark", "shared", "ruled", "old"} {
			a, b := before.Decide(key, who), again.Decide(key, who)
			if a.Variant != b.Variant || valueOf(a) != valueOf(b) {
				t.Fatalf("%s for %s %s: %s before, %s after", key, who.Key, marshal(t, who.Attributes), valueOf(a), valueOf(b))
			}
			served[key+" "+a.Variant]++
		}
	}
	if len(served) < 11 {
		t.Errorf("only these are served: %v", served)
	}
}

// Without anything that flagd cannot say the command is content, and writes to standard output.
func TestAnExportOfEverythingSucceeds(t *testing.T) {
	s := start(t)
	s.flag(t, object{"key": "plain", "type": "boolean"}, object{"on": true})
	var told, out bytes.Buffer
	code := app.Main(t.Context(), []string{"export", "flags", "--project", "shop", "--url", s.url, "--key", s.admin}, app.Streams{Out: &out, Err: &told, Getenv: func(string) string { return "" }})
	var set struct{ Flags map[string]any }
	if err := json.Unmarshal(out.Bytes(), &set); err != nil || code != 0 || told.Len() > 0 || len(set.Flags) != 1 {
		t.Errorf("exit code %d, %v, told %q, written %s", code, err, told.String(), out.String())
	}
}
