package flags_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/flags"
)

// reference decides by reading the documentation of the wire format, one thing after the other, with nothing compiled,
// remembered or shared with the engine: only the standard library.
type reference struct{ flags.Snapshot }

func (r reference) flag(key string) *flags.Flag {
	for i := range r.Flags {
		if r.Flags[i].Key == key {
			return &r.Flags[i]
		}
	}
	return nil
}

// fate is what two deciders must agree on.
type fate struct {
	variant, rule, experiment, holdout, unit string
	reason                                   flags.Reason
	code                                     flags.ErrorCode
	override                                 bool
	bucket                                   uint32
}

func (r reference) decide(key string, who flags.Subject) fate {
	f := r.flag(key)
	switch {
	case f == nil:
		return fate{reason: flags.Error, code: flags.FlagNotFound}
	case !f.On:
		return fate{variant: f.Off, reason: flags.Disabled}
	}
	for _, o := range f.Overrides {
		if unit := unitOf(who, o.By); unit != "" && slices.Contains(o.Units, unit) {
			return fate{variant: o.Variant, reason: flags.TargetingMatch, override: true, unit: unit}
		}
	}
	for _, h := range f.Holdouts {
		if in, unit, bucket := inSlice(who, h.Slice); in {
			return fate{variant: h.Serve, reason: flags.SplitReason, holdout: h.Key, unit: unit, bucket: bucket}
		}
	}
	for _, rule := range f.Rules {
		if r.all(rule.If, who) {
			return serve(rule.Serve, who, fate{reason: flags.TargetingMatch, rule: rule.ID})
		}
	}
	if e := f.Experiment; e != nil && !slices.ContainsFunc(e.Within, func(s flags.Slice) bool { in, _, _ := inSlice(who, s); return !in }) {
		return serve(flags.Serve{Split: &e.Split}, who, fate{experiment: e.Key})
	}
	reason := flags.Default
	if len(f.Rules)+len(f.Overrides)+len(f.Holdouts) == 0 && f.Experiment == nil {
		reason = flags.Static
	}
	return serve(f.Default, who, fate{reason: reason})
}

func serve(s flags.Serve, who flags.Subject, like fate) fate {
	if s.Split == nil {
		like.variant = s.Variant
		return like
	}
	like.unit = unitOf(who, s.Split.By)
	if like.unit == "" {
		return fate{reason: flags.Error, code: flags.TargetingKeyMissing, rule: like.rule}
	}
	like.reason, like.bucket = flags.SplitReason, bucketOf(s.Split.Salt, like.unit, s.Split.Total)
	end := uint32(0)
	for _, w := range s.Split.Weights {
		if end += w.Weight; like.bucket < end {
			like.variant = w.Variant
			return like
		}
	}
	return like
}

func bucketOf(salt, unit string, total uint32) uint32 {
	return uint32(uint64(textbookMurmur([]byte(salt+unit))) * uint64(total) >> 32)
}

// textbookMurmur is MurmurHash3 x86 32-bit with seed 0, as its author wrote it down, over one piece of memory.
func textbookMurmur(data []byte) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	h, size := uint32(0), uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * c1
		h ^= bits.RotateLeft32(k, 15) * c2
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	k := uint32(0)
	for _, b := range slices.Backward(data) {
		k = k<<8 | uint32(b)
	}
	h ^= bits.RotateLeft32(k*c1, 15) * c2
	h ^= size
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

func unitOf(who flags.Subject, by string) string {
	if by == "" || by == flags.TargetingKey {
		return who.Key
	}
	switch v := who.Attributes[by].(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	}
	return ""
}

func inSlice(who flags.Subject, s flags.Slice) (in bool, unit string, bucket uint32) {
	if unit = unitOf(who, s.By); unit == "" {
		return false, "", 0
	}
	bucket = bucketOf(s.Salt, unit, s.Total)
	return slices.ContainsFunc(s.Ranges, func(r flags.Range) bool { return r.From <= bucket && bucket < r.To }), unit, bucket
}

func (r reference) all(all []flags.Condition, who flags.Subject) bool {
	for _, c := range all {
		if !r.holds(c, who) {
			return false
		}
	}
	return true
}

func (r reference) holds(c flags.Condition, who flags.Subject) bool {
	return r.holdsPlainly(c, who) != c.Not
}

func (r reference) holdsPlainly(c flags.Condition, who flags.Subject) bool {
	switch {
	case c.All != nil:
		return r.all(c.All, who)
	case c.Any != nil:
		return slices.ContainsFunc(c.Any, func(one flags.Condition) bool { return r.holds(one, who) })
	case c.Segments != nil:
		return slices.ContainsFunc(c.Segments, func(key string) bool { return r.member(key, who) })
	case c.Flag != "":
		d := r.decide(c.Flag, who)
		if d.code != "" {
			return false
		}
		if c.Variants != nil {
			return slices.Contains(c.Variants, d.variant)
		}
		f := r.flag(c.Flag)
		for _, v := range f.Variants {
			if v.Key == d.variant {
				return slices.ContainsFunc(c.Values, func(w json.RawMessage) bool { return string(w) == string(v.Value) })
			}
		}
		return false
	case c.Slice != nil:
		in, _, _ := inSlice(who, *c.Slice)
		return in
	}
	value, there := who.Attributes[c.Attribute]
	if c.Attribute == flags.TargetingKey {
		value, there = who.Key, who.Key != ""
	}
	for _, step := range c.Path {
		inside, _ := value.(map[string]any)
		value, there = inside[step]
	}
	return compares(c, value, there && value != nil)
}

func (r reference) member(key string, who flags.Subject) bool {
	i := slices.IndexFunc(r.Segments, func(s flags.Segment) bool { return s.Key == key })
	s := r.Segments[i]
	unit := unitOf(who, s.By)
	if unit != "" && slices.Contains(slices.Collect(s.Included.All()), unit) {
		return true
	}
	if unit != "" && slices.Contains(slices.Collect(s.Excluded.All()), unit) {
		return false
	}
	return slices.ContainsFunc(s.Rules, func(rule flags.SegmentRule) bool { return r.all(rule.If, who) })
}

func compares(c flags.Condition, value any, there bool) bool {
	switch c.Operator {
	case flags.NotEquals, flags.NotIn, flags.NotContains, flags.NotStartsWith, flags.NotEndsWith, flags.NotMatches:
		c.Operator = flags.Operator(strings.TrimPrefix(string(c.Operator), "not_"))
		return !compares(c, value, there)
	case flags.HasNone:
		c.Operator = flags.HasAny
		return !compares(c, value, there)
	case flags.Exists:
		return there
	case flags.NotExists:
		return !there
	case flags.IsEmpty:
		list, isList := value.([]any)
		return !there || value == "" || isList && len(list) == 0
	}
	if !there {
		return false
	}
	if c.Operator == flags.HasAny || c.Operator == flags.HasAll || c.Operator == flags.HasOnly {
		return comparesList(c, value)
	}
	if list, isList := value.([]any); isList && c.Elements {
		return slices.ContainsFunc(list, func(e any) bool {
			return slices.ContainsFunc(c.Values, func(raw json.RawMessage) bool { return comparesOne(c, e, raw) })
		})
	}
	return slices.ContainsFunc(c.Values, func(raw json.RawMessage) bool { return comparesOne(c, value, raw) })
}

func comparesList(c flags.Condition, value any) bool {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	same := func(element any, raw json.RawMessage) bool {
		return comparesOne(flags.Condition{Operator: flags.Equals, IgnoreCase: c.IgnoreCase}, element, raw)
	}
	has := func(raw json.RawMessage) bool {
		return slices.ContainsFunc(list, func(e any) bool { return same(e, raw) })
	}
	switch c.Operator {
	case flags.HasAny:
		return slices.ContainsFunc(c.Values, has)
	case flags.HasAll:
		return !slices.ContainsFunc(c.Values, func(raw json.RawMessage) bool { return !has(raw) })
	default:
		return !slices.ContainsFunc(list, func(e any) bool {
			return !slices.ContainsFunc(c.Values, func(raw json.RawMessage) bool { return same(e, raw) })
		})
	}
}

func comparesOne(c flags.Condition, value any, raw json.RawMessage) bool {
	var want any
	_ = json.Unmarshal(raw, &want)
	if n, ok := value.(int); ok {
		value = float64(n)
	}
	text, isText := value.(string)
	wanted, _ := want.(string)
	if c.IgnoreCase {
		text, wanted = strings.ToLower(text), strings.ToLower(wanted)
	}
	number, isNumber := value.(float64)
	than, _ := want.(float64)
	switch c.Operator {
	case flags.Equals, flags.In:
		if isText && c.IgnoreCase {
			_, ok := want.(string)
			return ok && text == wanted
		}
		switch value.(type) {
		case string, float64, bool:
			return value == want
		}
		return false
	case flags.Contains:
		return isText && strings.Contains(text, wanted)
	case flags.StartsWith:
		return isText && strings.HasPrefix(text, wanted)
	case flags.EndsWith:
		return isText && strings.HasSuffix(text, wanted)
	case flags.Matches:
		return isText && regexp.MustCompile(wanted).MatchString(text)
	case flags.Greater:
		return isNumber && number > than
	case flags.LessOrEqual:
		return isNumber && number <= than
	case flags.Before:
		at, err := time.Parse(time.RFC3339, text)
		limit, _ := time.Parse(time.RFC3339, wanted)
		if isNumber {
			return time.UnixMilli(int64(number * 1_000)).Before(limit) // seconds, that small
		}
		return isText && err == nil && at.Before(limit)
	case flags.InNetwork:
		a, err := netip.ParseAddr(text)
		return isText && err == nil && netip.MustParsePrefix(wanted).Contains(a.Unmap())
	case flags.VersionLess:
		return isText && release(text) >= 0 && release(text) < release(wanted)
	}
	panic(c.Operator)
}

// release is a version of three small numbers as one; -1 for anything else.
func release(s string) int {
	parts := strings.Split(s, ".")
	n := 0
	for _, p := range parts {
		i, err := strconv.Atoi(p)
		if err != nil || len(parts) != 3 {
			return -1
		}
		n = n*1_000 + i
	}
	return n
}

// world makes random snapshots and subjects that meet in them. In a plain one all flags are of the kind that most flags are, which
// is decided in a way of its own.
type world struct {
	*rand.Rand
	plain bool
}

func (w world) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w world) text() string {
	return w.pick("", "a", "B", "b", "ab", "Ba", "ä", "Ä", "1.2.3", "10.1.2.3")
}

func (w world) scalar() json.RawMessage {
	switch w.IntN(5) {
	case 0:
		return raw(strconv.Itoa(w.IntN(4)))
	case 1:
		return raw(w.pick("true", "false"))
	default:
		return raw(strconv.Quote(w.text()))
	}
}

func (w world) comparison() flags.Condition {
	c := flags.Condition{Attribute: w.pick("x", "y", "z", "list", "at", "ip", flags.TargetingKey), IgnoreCase: w.IntN(3) == 0}
	many := func(make func() json.RawMessage, most int) (out []json.RawMessage) {
		for range w.IntN(most) + 1 {
			out = append(out, make())
		}
		return out
	}
	text := func() json.RawMessage { return raw(strconv.Quote(w.text())) }
	which := w.IntN(9)
	if w.plain {
		c.Attribute, c.IgnoreCase, which = w.pick("x", "y", "z", flags.TargetingKey), false, []int{0, 0, 3}[w.IntN(3)]
	}
	c.Elements = !w.plain && which != 4 && which != 5 && w.IntN(4) == 0
	switch which {
	case 0, 1:
		c.Operator, c.Values = flags.Operator(w.pick("in", "not_in")), many(w.scalar, 12)
	case 2:
		c.Operator, c.Values = flags.Operator(w.pick("contains", "not_contains", "starts_with", "not_starts_with", "ends_with", "not_ends_with")), many(text, 3)
	case 3:
		c.Operator, c.Values = flags.Operator(w.pick("greater", "less_or_equal")), []json.RawMessage{raw(strconv.Itoa(w.IntN(4)))}
	case 4:
		c.Operator = flags.Operator(w.pick("exists", "not_exists", "is_empty"))
	case 5:
		c.Attribute, c.Operator, c.Values = w.pick("list", "x"), flags.Operator(w.pick("has_any", "has_all", "has_none", "has_only")), many(w.scalar, 4)
	case 6:
		c.Attribute, c.Operator, c.Values, c.IgnoreCase = w.pick("at", "x"), flags.Before, values(w.pick(`"2026-01-01T00:00:00Z"`, `"2026-06-01T00:00:00+02:00"`)), false
	case 7:
		c.Attribute, c.Operator, c.Values = w.pick("ip", "x"), flags.InNetwork, values(w.pick(`"10.0.0.0/8"`, `"2001:db8::/32"`))
		if w.IntN(2) == 0 {
			c.Operator, c.Values = flags.VersionLess, values(w.pick(`"1.2.4"`, `"1.2.3"`))
		}
	default:
		c.Attribute, c.Path, c.Operator, c.Values = "object", []string{"x"}, flags.Matches, values(`"^[ab]"`)
		c.IgnoreCase = false
	}
	return c
}

func (w world) slice() flags.Slice {
	from := uint32(w.IntN(100))
	return flags.Slice{Algorithm: flags.BucketingV1, Salt: w.pick("s/", "t/"), Total: 100, By: w.pick("", "", "y"), Ranges: []flags.Range{{From: from, To: from + uint32(w.IntN(101-int(from)))}}}
}

func (w world) condition(depth, flagsBelow, segmentsBelow int) flags.Condition {
	c := flags.Condition{}
	switch n := w.IntN(10); {
	case w.plain && n != 2:
		c = w.comparison()
	case n == 0 && depth < 3:
		c.All = w.conditions(depth+1, flagsBelow, segmentsBelow)
	case n == 1 && depth < 3:
		c.Any = w.conditions(depth+1, flagsBelow, segmentsBelow)
	case n == 2 && segmentsBelow > 0:
		c.Segments = []string{fmt.Sprint("s", w.IntN(segmentsBelow)), fmt.Sprint("s", w.IntN(segmentsBelow))}
	case n == 3 && flagsBelow > 0:
		c.Flag, c.Variants = fmt.Sprint("f", w.IntN(flagsBelow)), []string{w.pick("on", "off")}
	case n == 4 && flagsBelow > 0:
		c.Flag, c.Values = fmt.Sprint("f", w.IntN(flagsBelow)), values(w.pick("true", "false"))
	case n == 5:
		slice := w.slice()
		c.Slice = &slice
	default:
		c = w.comparison()
	}
	c.Not = w.IntN(4) == 0
	return c
}

func (w world) conditions(depth, flagsBelow, segmentsBelow int) (out []flags.Condition) {
	for range w.IntN(3) + 1 {
		out = append(out, w.condition(depth, flagsBelow, segmentsBelow))
	}
	return out
}

func (w world) serve() flags.Serve {
	if w.IntN(2) == 0 {
		return flags.Serve{Variant: w.pick("on", "off")}
	}
	s := split(w.pick("s/", "t/"), uint32(w.IntN(100_001)))
	s.By = w.pick("", "", "y")
	return flags.Serve{Split: s}
}

func (w world) snapshot() flags.Snapshot {
	out := flags.Snapshot{Format: 1, Revision: 9}
	ids := func() flags.IDs { return flags.NewIDs(w.pick("u1", "u2", "b"), w.pick("u3", "u4", "1")) }
	for i := range 3 {
		s := flags.Segment{Key: fmt.Sprint("s", i), By: w.pick("", "y"), Included: ids(), Excluded: ids()}
		for range w.IntN(3) {
			s.Rules = append(s.Rules, flags.SegmentRule{ID: "r", If: w.conditions(1, 0, i)})
		}
		out.Segments = append(out.Segments, s)
	}
	for i := range 6 {
		f := boolean(fmt.Sprint("f", i))
		f.On, f.Default = w.IntN(6) > 0, w.serve()
		if !w.plain && w.IntN(4) == 0 {
			f.Overrides = []flags.Override{{Variant: "on", Units: []string{"u1", "u2"}}, {Variant: "off", By: "y", Units: []string{"b", "u1"}}, {Variant: "off", Units: []string{"u2", "u3"}}}
		}
		if !w.plain && w.IntN(4) == 0 {
			f.Holdouts = []flags.Holdout{{Key: "h", Serve: "off", Slice: w.slice()}}
		}
		most := 5
		if w.plain {
			most = 15
		}
		for n := range w.IntN(most) {
			f.Rules = append(f.Rules, flags.Rule{ID: fmt.Sprint("r", n), If: w.conditions(1, i, 3), Serve: w.serve()})
		}
		if w.IntN(3) == 0 {
			f.Experiment = &flags.Experiment{Key: "e", Unit: "user", Split: *split("e/", 50_000)}
			if !w.plain && w.IntN(2) == 0 {
				f.Experiment.Within = []flags.Slice{w.slice(), w.slice()}
			}
		}
		f.Requires = f.Needs()
		out.Flags = append(out.Flags, f)
	}
	return out
}

func (w world) subject() flags.Subject {
	who := flags.Subject{Key: w.pick("", "u1", "u2", "u3", "a", "Zoë", "用户1"), Attributes: map[string]any{}}
	some := func() any {
		return []any{w.text(), w.text(), w.IntN(4), w.IntN(2) == 0, nil, []any{"a"}, 2.5}[w.IntN(7)]
	}
	for _, name := range []string{"x", "y", "z"} {
		if w.IntN(4) > 0 {
			who.Attributes[name] = some()
		}
	}
	who.Attributes["list"] = []any{[]any{}, []any{"a", 1, true}, []any{w.text(), w.text()}, "b"}[w.IntN(4)]
	who.Attributes["at"] = w.pick("2025-12-31T23:59:59Z", "2026-05-31T22:00:00Z", "2026-05-31T21:59:59Z", "no time")
	who.Attributes["ip"] = w.pick("10.1.2.3", "11.0.0.1", "2001:db8::7", "::ffff:10.0.0.1", "no address", "1.2.3.4.5", "1::2::3")
	who.Attributes["object"] = []any{map[string]any{"x": w.text()}, "a", map[string]any{}}[w.IntN(3)]
	return who
}

func fateOf(d flags.Decision) fate {
	return fate{
		variant: d.Variant, rule: d.Rule, experiment: d.Experiment, holdout: d.Holdout, unit: d.UnitID, reason: d.Reason, code: d.ErrorCode,
		override: d.Override, bucket: d.Bucket,
	}
}

func TestDecidingAndExplainingEqualTheReference(t *testing.T) {
	reached := map[flags.StepKind]int{}
	for n := range 800 {
		w := world{rand.New(rand.NewPCG(11, uint64(n))), n%2 == 0}
		snapshot := w.snapshot()
		rs, err := flags.Compile(snapshot)
		if err != nil {
			t.Fatal(err)
		}
		if p := rs.Problems(); p != nil {
			t.Fatal(p)
		}
		for range 8 {
			who := w.subject()
			for key, d := range rs.All(who) {
				want := reference{snapshot}.decide(key, who)
				if got := fateOf(d); got != want {
					text, _ := json.Marshal(snapshot)
					t.Fatalf("%s serves %+v\n%+v, want\n%+v of\n%s", key, who, got, want, text)
				}
				if again := rs.Decide(key, who); again != d {
					t.Fatalf("%s: %+v, then %+v", key, d, again)
				}
				reached[checkExplanation(t, rs.Explain(key, who), d)]++
			}
		}
	}
	for _, kind := range []flags.StepKind{flags.StepOff, flags.StepOverrides, flags.StepHoldout, flags.StepRule, flags.StepExperiment, flags.StepDefault} {
		if reached[kind] < 50 {
			t.Errorf("only %d decisions came from the step %s", reached[kind], kind)
		}
	}
}

// checkExplanation holds the steps against the decision, and returns the kind of the one that served.
func checkExplanation(t *testing.T, e flags.Explanation, d flags.Decision) flags.StepKind {
	t.Helper()
	if len(e.Steps) == 0 {
		t.Fatalf("nothing is explained: %+v", e)
	}
	for i, s := range e.Steps {
		if s.Serves != (i == len(e.Steps)-1) {
			t.Fatalf("the steps do not end with the one that serves: %+v", e.Steps)
		}
		if s.Kind == flags.StepRule && s.Serves == slices.ContainsFunc(s.Conditions, func(c flags.ConditionTrace) bool { return !c.Holds }) {
			t.Fatalf("the rule and its conditions disagree: %+v", s)
		}
	}
	last := e.Steps[len(e.Steps)-1]
	by := map[flags.StepKind]bool{
		flags.StepOff: d.Reason == flags.Disabled, flags.StepOverrides: d.Override, flags.StepHoldout: d.Holdout != "", flags.StepRule: d.Rule != "",
		flags.StepExperiment: d.Experiment != "" || d.ErrorCode != "", flags.StepDefault: d.Rule == "" && d.Experiment == "" && d.Holdout == "" && !d.Override,
	}
	if !by[last.Kind] || last.Kind == flags.StepRule && last.ID != d.Rule || last.Kind == flags.StepHoldout && last.ID != d.Holdout {
		t.Fatalf("%+v is explained by %+v", d.Outcome, last)
	}
	if last.Split != nil && (last.Split.UnitID != d.UnitID || last.Split.Bucket != d.Bucket || last.Split.In != (d.ErrorCode == "")) {
		t.Fatalf("%+v in bucket %d is explained by %+v", d.Outcome, d.Bucket, last.Split)
	}
	if last.Split != nil && d.ErrorCode == "" {
		i := slices.IndexFunc(last.Split.Ranges, func(r flags.RangeTrace) bool { return r.Here })
		if i < 0 || last.Split.Ranges[i].Variant != d.Variant || d.Bucket < last.Split.Ranges[i].From || d.Bucket >= last.Split.Ranges[i].To {
			t.Fatalf("bucket %d, variant %s: %+v", d.Bucket, d.Variant, last.Split.Ranges)
		}
	}
	if e.Served.Variant != d.Variant || e.Served.Reason != d.Reason || e.Revision != d.Revision || e.FlagRevision != 3 {
		t.Fatalf("%+v, want %+v", e.Served, d.Outcome)
	}
	return last.Kind
}

func TestAnExplanationNamesWhatDidNotHold(t *testing.T) {
	f := member("f", "s")
	f.Rules[0].If = append(f.Rules[0].If, flags.Condition{Attribute: "age", Operator: flags.Greater, Values: values("17")}, flags.Condition{Flag: "g", Variants: []string{"on"}})
	rs, err := flags.Compile(flags.Snapshot{
		Format: 1, Project: "shop", Environment: "production", Revision: 9, Flags: []flags.Flag{f, boolean("g")},
		Segments: []flags.Segment{{Key: "s", Revision: 4, Included: flags.NewIDs("u")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := rs.Explain("f", flags.Subject{Key: "u", Attributes: map[string]any{"age": 17, "unseen": math.NaN()}})
	text, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	rule := got.Steps[0]
	if rule.Serves || rule.Why != "condition 2 does not hold" || string(rule.Conditions[1].Found) != "17" || rule.Conditions[2].Asked.Variant != "on" {
		t.Errorf("%s", text)
	}
	if m := rule.Conditions[0].Members[0]; !m.Member || m.Why != "included" || m.Revision != 4 {
		t.Errorf("%s", text)
	}
	if got.Served.Variant != "off" || got.Steps[1].Kind != flags.StepDefault || got.Revision != 9 || got.FlagRevision != 3 {
		t.Errorf("%s", text)
	}
	if missing := rs.Explain("nothing", flags.Subject{}); missing.Found || missing.Served.ErrorCode != flags.FlagNotFound {
		t.Errorf("%+v", missing)
	}
	broken := boolean("broken")
	broken.Off = "nowhere"
	if e := compile(t, broken).Explain("broken", flags.Subject{}); e.Problem == "" || e.Served.ErrorCode != flags.ParseError || !e.On {
		t.Errorf("%+v", e)
	}
}
