package flagimport_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/internal/flagimport"
)

// What is translated is compared with the other products' own libraries in internal/interop; here is what surrounds it.

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func read(t testing.TB, from, text string, o flagimport.Options) flagimport.Import {
	t.Helper()
	source, known := flagimport.SourceNamed(from)
	if !known {
		t.Fatalf("there is no source %q", from)
	}
	if o.Now.IsZero() {
		o.Now = now
	}
	m, err := source([]byte(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func compiled(t testing.TB, m flagimport.Import) *flags.Ruleset {
	t.Helper()
	rs, err := flags.Compile(m.Snapshot())
	if err != nil || len(rs.Problems()) > 0 {
		t.Fatal(err, rs.Problems())
	}
	return rs
}

func keys(m flagimport.Import) (out []string) {
	for _, f := range m.Flags {
		out = append(out, f.Key)
	}
	return out
}

// Every source names, for each flag, what it cannot express; the others are there.
func TestWhatHasNoEqualIsNamed(t *testing.T) {
	for _, tt := range []struct {
		name, from, text, flag, why string
	}{
		{"a clause with an object", "launchdarkly", `{"flags":{"f":{"on":true,"variations":[1,2],"fallthrough":{"variation":0},"rules":[{"variation":1,"clauses":[{"attribute":"a","op":"in","values":[{"x":1}]}]}]}}}`, "f", "its rule 1 compares a with"},
		{"kinds compared as texts", "launchdarkly", `{"flags":{"f":{"on":true,"variations":[1,2],"fallthrough":{"variation":0},"rules":[{"variation":1,"clauses":[{"attribute":"kind","op":"startsWith","values":["o"]}]}]}}}`, "f", "compares kinds of contexts by startsWith"},
		{"a big segment", "launchdarkly", `{"flags":{"f":{"on":true,"variations":[1,2],"fallthrough":{"variation":0},"rules":[{"variation":1,"clauses":[{"op":"segmentMatch","values":["big"]}]}]}},"segments":{"big":{"unbounded":true}}}`, "f", "it asks for the segment big, which is not imported: it is a big segment, whose members are not in the file"},
		{"a variation null", "launchdarkly", `{"flags":{"f":{"on":true,"variations":[1,null],"fallthrough":{"variation":0}}}}`, "f", "the value null"},
		{"prerequisites in a circle", "launchdarkly", `{"flags":{"f":{"on":true,"variations":[1,2],"fallthrough":{"variation":0},"offVariation":1,"prerequisites":[{"key":"g","variation":0}]},"g":{"on":true,"variations":[1,2],"fallthrough":{"variation":0},"offVariation":1,"prerequisites":[{"key":"f","variation":0}]}}}`, "f", "flags lead back to it"},
		{"a prerequisite that is not imported", "launchdarkly", `{"flags":{"f":{"on":true,"variations":[1,2],"fallthrough":{"variation":0},"offVariation":1,"prerequisites":[{"key":"g","variation":0}]},"g":{"on":true,"variations":[1,"x"],"fallthrough":{"variation":0}}}}`, "f", "it asks for the flag g, which is not imported: its values are not all of one type"},
		{"an operator of no SDK", "growthbook", `{"features":{"f":{"defaultValue":1,"rules":[{"condition":{"a":{"$near":1}},"force":2}]}}}`, "f", "its rule 1 has a $near in its condition"},
		{"texts in order", "growthbook", `{"features":{"f":{"defaultValue":1,"rules":[{"condition":{"a":{"$gt":"b"}},"force":2}]}}}`, "f", `orders a and "b" as texts`},
		{"a look-ahead", "growthbook", `{"features":{"f":{"defaultValue":1,"rules":[{"condition":{"a":{"$regex":"(?=x)"}},"force":2}]}}}`, "f", "no regular expression here"},
		{"a back-reference", "growthbook", `{"features":{"f":{"defaultValue":1,"rules":[{"condition":{"a":{"$regex":"(x)\\1"}},"force":2}]}}}`, "f", "no regular expression here"},
		{"elements by two operators", "growthbook", `{"features":{"f":{"defaultValue":1,"rules":[{"condition":{"a":{"$elemMatch":{"$gt":1,"$lt":5}}},"force":2}]}}}`, "f", "an element meets one operator"},
		{"a list as a whole", "growthbook", `{"features":{"f":{"defaultValue":1,"rules":[{"condition":{"a":["x"]},"force":2}]}}}`, "f", "as a whole"},
		{"null by force", "growthbook", `{"features":{"f":{"defaultValue":1,"rules":[{"force":null}]}}}`, "f", "forces null"},
		{"features in a circle", "growthbook", `{"features":{"f":{"defaultValue":1,"rules":[{"parentConditions":[{"id":"g","condition":{"value":1}}],"force":2}]},"g":{"defaultValue":1,"rules":[{"parentConditions":[{"id":"f","condition":{"value":1}}],"force":2}]}}}`, "f", "features lead back to it"},
		{"stickiness to nothing", "unleash", `{"features":[{"name":"f","enabled":true,"strategies":[{"name":"flexibleRollout","parameters":{"rollout":"50","stickiness":"random"}}]}]}`, "f", "sticky to nothing"},
		{"a strategy of one's own", "unleash", `{"features":[{"name":"f","enabled":true,"strategies":[{"name":"byMoon"}]}]}`, "f", "is byMoon, which has no equal here"},
		{"a segment without constraints", "unleash", `{"features":[{"name":"f","enabled":true,"strategies":[{"name":"default","segments":[1]}]}],"segments":[{"id":1,"name":"Beta"}]}`, "f", "the segment Beta, whose constraints the export leaves out"},
		{"variants sticky to nothing", "unleash", `{"features":[{"name":"f","enabled":true,"strategies":[],"variants":[{"name":"a","weight":1,"stickiness":"random"}]}]}`, "f.variant", "sticky to nothing"},
		{"a query that orders texts", "goff", "f:\n  variations: {on: true, off: false}\n  targeting: [{query: 'a gt \"x\"', variation: on}]\n  defaultRule: {variation: off}\n", "f", `gt "x" has no equal here`},
		{"a query with an operator of flagd's", "goff", "f:\n  variations: {on: true, off: false}\n  targeting: [{query: '{\"starts_with\":[{\"var\":\"a\"},\"b\"]}', variation: on}]\n  defaultRule: {variation: off}\n", "f", "starts_with is an operator of flagd's"},
		{"a variation that is not there", "goff", "f:\n  variations: {on: true, off: false}\n  defaultRule: {variation: maybe}\n", "f", `no variant "maybe"`},
		{"a flag that an export could not express", "flagd", `{"flags":{"f":{"state":"ENABLED","variants":{"on":true},"targeting":{"if":[true,"x"]},"metadata":{"problem":"flagd has no modulo"}}}}`, "f", "it was exported from assay, where flagd's format could not express it: flagd has no modulo"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := read(t, tt.from, tt.text, flagimport.Options{})
			i := slices.IndexFunc(m.Problems, func(p flagimport.Problem) bool { return p.Flag == tt.flag })
			if i < 0 || !strings.Contains(m.Problems[i].Detail, tt.why) {
				t.Errorf("got %+v, want of %s: %s", m.Problems, tt.flag, tt.why)
			}
			if slices.Contains(keys(m), tt.flag) {
				t.Error("the flag is imported, too")
			}
			compiled(t, m)
		})
	}
}

func TestNotesSayWhatWasMadeOfWhatAnEngineCannotKnow(t *testing.T) {
	for _, tt := range []struct{ name, from, text, note string }{
		{"a progressive rollout", "goff", "f:\n  variations: {on: true, off: false}\n  defaultRule: {progressiveRollout: {initial: {variation: off, percentage: 0, date: 2026-11-10T12:00:00Z}, end: {variation: on, percentage: 100, date: 2026-11-30T12:00:00Z}}}\n", "from 0 % at 2026-11-10T12:00:00Z to 100 % at 2026-11-30T12:00:00Z is at 50.000 % now and stays there"},
		{"numbers that are texts there", "unleash", `{"features":[{"name":"f","enabled":true,"strategies":[{"name":"default","constraints":[{"contextName":"age","operator":"NUM_GT","value":"17"}]}]}]}`, "compares age as a number: send it as one"},
		{"hosts", "unleash", `{"features":[{"name":"f","enabled":true,"strategies":[{"name":"applicationHostname","parameters":{"hostNames":"a"}}]}]}`, "send it as the attribute hostname"},
		{"variants", "unleash", `{"features":[{"name":"f","enabled":true,"strategies":[],"variants":[{"name":"a","weight":1}]}]}`, "its variant the flag f.variant"},
		{"a fallback attribute", "growthbook", `{"features":{"f":{"defaultValue":1,"rules":[{"force":2,"coverage":0.5,"fallbackAttribute":"device"}]}}}`, "looks at the attribute device, too"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := read(t, tt.from, tt.text, flagimport.Options{})
			if len(m.Problems) > 0 || !slices.ContainsFunc(m.Notes, func(n flagimport.Problem) bool { return n.Flag == "f" && strings.Contains(n.Detail, tt.note) }) {
				t.Errorf("got %+v and the problems %+v, want the note %s", m.Notes, m.Problems, tt.note)
			}
			compiled(t, m)
		})
	}
}

// What is scheduled in the source happens here at the same second, for clients that decide on their own, too.
func TestTheTimeIsARule(t *testing.T) {
	goff := read(t, "goff", `
f:
  variations: {a: A, b: B}
  defaultRule: {variation: a}
  scheduledRollout:
    - {date: 2026-11-01T00:00:00Z, disable: false}
    - {date: 2026-12-01T00:00:00Z, defaultRule: {variation: b}}
`, flagimport.Options{})
	unleash := read(t, "unleash", `{"features":[{"name":"f","enabled":true,"strategies":[{"name":"default","constraints":[{"contextName":"currentTime","operator":"DATE_BEFORE","value":"2026-12-01T00:00:00Z"}]}]}]}`, flagimport.Options{})
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		at   time.Time
		goff string
		on   string
	}{{at.Add(-time.Second), "a", "on"}, {at, "b", "off"}, {at.AddDate(3, 0, 0), "b", "off"}} {
		who := flags.Subject{Key: "u", At: tt.at.Unix()}
		if got := compiled(t, goff).Decide("f", who).Variant; got != tt.goff {
			t.Errorf("at %s the step serves %s, want %s", tt.at, got, tt.goff)
		}
		if got := compiled(t, unleash).Decide("f", who).Variant; got != tt.on {
			t.Errorf("at %s the constraint gives %s, want %s", tt.at, got, tt.on)
		}
	}
	if late := read(t, "goff", "f:\n  variations: {a: A, b: B}\n  defaultRule: {variation: a}\n  scheduledRollout: [{date: 2026-11-01T00:00:00Z, defaultRule: {variation: b}}]\n", flagimport.Options{}); !slices.Equal(keys(late), []string{"f"}) || late.Flags[0].Setting.Default.Variant != "b" {
		t.Errorf("a step that is over leaves more than what it made: %+v", late.Flags)
	}
}

// What is asked for comes before what asks, so that a server takes one after the other.
func TestFlagsAndSegmentsAreInOrder(t *testing.T) {
	m := read(t, "launchdarkly", `{"flags":{
		"a":{"on":true,"variations":[true,false],"fallthrough":{"variation":0},"offVariation":1,"prerequisites":[{"key":"c","variation":0}]},
		"b":{"on":true,"variations":[true,false],"fallthrough":{"variation":0},"offVariation":1},
		"c":{"on":false,"variations":[true,false],"fallthrough":{"variation":0},"offVariation":0,"prerequisites":[{"key":"b","variation":0}]}
	},"segments":{
		"s":{"rules":[{"clauses":[{"op":"segmentMatch","values":["t"]}]}]},"t":{"included":["u2","u1","u1"],"excluded":["u1","u3"]}
	}}`, flagimport.Options{})
	if !slices.Equal(keys(m), []string{"b", "c", "a"}) {
		t.Errorf("the order is %v", keys(m))
	}
	if len(m.Segments) != 2 || m.Segments[0].Key != "t" || !slices.Equal(m.Segments[0].Included, []string{"u1", "u2"}) || !slices.Equal(m.Segments[0].Excluded, []string{"u3"}) {
		t.Errorf("the segments are %+v", m.Segments)
	}
	// c is off and serves what a asks for, and still a's prerequisite fails: LaunchDarkly asks whether a flag is on.
	if d := compiled(t, m).Decide("a", flags.Subject{Key: "u"}); d.Variant != "off" {
		t.Errorf("the flag whose prerequisite is off serves %s", d.Variant)
	}
}

// The REST API of LaunchDarkly and the export of Unleash have several environments in a file; one of them is taken.
func TestOneEnvironmentIsTaken(t *testing.T) {
	rest := `{"items":[{"key":"someFlag","variations":[{"value":true},{"value":false}],"environments":{
		"production":{"on":true,"salt":"x","fallthrough":{"variation":0},"offVariation":1},"test":{"on":false,"salt":"y","fallthrough":{"variation":1},"offVariation":1}}}]}`
	export := `{"features":[{"name":"someFlag"}],"featureStrategies":[{"featureName":"someFlag","environment":"test","name":"default"},{"featureName":"someFlag","environment":"production","name":"userWithId","parameters":{"userIds":"u1"}}],
		"featureEnvironments":[{"featureName":"someFlag","environment":"production","enabled":true},{"featureName":"someFlag","environment":"test","enabled":false}]}`
	for from, text := range map[string]string{"launchdarkly": rest, "unleash": export} {
		if m := read(t, from, text, flagimport.Options{Environment: "production"}); len(m.Flags) != 1 || !m.Flags[0].Setting.On || compiled(t, m).Decide("someFlag", flags.Subject{Key: "u1"}).Variant != "on" {
			t.Errorf("%s: production is %+v %+v", from, m.Flags, m.Problems)
		}
		if m := read(t, from, text, flagimport.Options{Environment: "test"}); len(m.Flags) != 1 || m.Flags[0].Setting.On {
			t.Errorf("%s: test is %+v", from, m.Flags)
		}
		source, _ := flagimport.SourceNamed(from)
		if _, err := source([]byte(text), flagimport.Options{Now: now}); err == nil || !strings.Contains(err.Error(), "production, test; name one of them with --source-environment") {
			t.Errorf("%s: without a name: %v", from, err)
		}
	}
}

// A split says its ranges, so that changed weights mean what they do in the source, and not the fewest moves.
func TestSplitsAreLaidOutAsInTheSource(t *testing.T) {
	m := read(t, "launchdarkly", `{"flags":{"f":{"on":true,"salt":"s","variations":["a","b"],"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":20000},{"variation":1,"weight":30000},{"variation":0,"weight":50000}]}}}}}`, flagimport.Options{})
	got, err := json.Marshal(m.Flags[0].Setting.Default)
	// LaunchDarkly's documentation of rollouts: a variation may have several weights, which are ranges one after the other.
	const want = `{"split":{"algorithm":"launchdarkly/1","salt":"f.s","total":100000,"weights":[{"variant":"value-0","weight":70000},{"variant":"value-1","weight":30000}],"layout":[{"variant":"value-0","weight":20000},{"variant":"value-1","weight":30000},{"variant":"value-0","weight":50000}]}}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// JSONLogic stays an expression: in the flag itself where its rules come last, else in a flag that tells whether it holds.
func TestQueriesInJSONLogicStayExpressions(t *testing.T) {
	const file = `
last:
  variations: {a: A, b: B, c: C}
  targeting:
    - {query: 'plan eq "pro"', variation: a}
    - {query: '{"==":[{"var":"key"},"u1"]}', variation: b}
  defaultRule: {variation: c}
between:
  variations: {a: A, b: B, c: C}
  targeting:
    - {query: '{"==":[{"var":"key"},"u1"]}', percentage: {a: 50, b: 50}}
    - {query: 'plan eq "pro"', variation: a}
  defaultRule: {variation: c}
`
	m := read(t, "goff", file, flagimport.Options{})
	if !slices.Equal(keys(m), []string{"between.query-1", "between", "last"}) || m.Flags[2].Setting.Logic == nil || len(m.Flags[2].Setting.Rules) != 1 {
		t.Errorf("got %v %+v", keys(m), m.Problems)
	}
	rs := compiled(t, m)
	for key, want := range map[string]string{"last": "b", "between": ""} {
		d := rs.Decide(key, flags.Subject{Key: "u1"})
		if want != "" && d.Variant != want || want == "" && d.Variant == "c" {
			t.Errorf("%s serves %s", key, d.Variant)
		}
	}
}

// A saved group of ids and one that is a condition are segments here.
func TestSavedGroupsAreSegments(t *testing.T) {
	m := read(t, "growthbook", `{"features":{"f":{"defaultValue":false,"rules":[{"condition":{"$or":[{"id":{"$inGroup":"staff"}},{"$savedGroup":{"id":"adults"}}]},"force":true}]}},
		"savedGroups":{"staff":["u1","u2"],"adults":{"type":"condition","condition":{"age":{"$gte":18}}}}}`, flagimport.Options{})
	rs := compiled(t, m)
	for who, want := range map[string]string{"u1": "on", "u3": "off"} {
		if d := rs.Decide("f", flags.Subject{Key: who}); d.Variant != want {
			t.Errorf("%s gets %s, want %s", who, d.Variant, want)
		}
	}
	if d := rs.Decide("f", flags.Subject{Key: "u3", Attributes: map[string]any{"age": 18}}); d.Variant != "on" || len(m.Segments) != 2 {
		t.Errorf("an adult gets %s; the segments are %+v", d.Variant, m.Segments)
	}
}

// Lists of any length are taken apart into as many conditions as they need.
func TestLongListsAreSeveralConditions(t *testing.T) {
	ids := make([]string, 2_500)
	for i := range ids {
		ids[i] = fmt.Sprint("u", i)
	}
	list, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	m := read(t, "launchdarkly", `{"flags":{"f":{"on":true,"variations":[true,false],"fallthrough":{"variation":1},"targets":[{"variation":0,"values":`+string(list)+`}]}}}`, flagimport.Options{})
	rs := compiled(t, m)
	for who, want := range map[string]string{"u0": "on", "u1500": "on", "u2499": "on", "u2500": "off"} {
		if d := rs.Decide("f", flags.Subject{Key: who}); d.Variant != want {
			t.Errorf("%s gets %s, want %s", who, d.Variant, want)
		}
	}
}
