package interop

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/thomaspoignant/go-feature-flag/modules/core/ffcontext"
	goff "github.com/thomaspoignant/go-feature-flag/modules/core/flag"

	"github.com/assayhq/assay/flags"
)

// Flags of GO Feature Flag decide the same at the time of the import and, as far as their steps are scheduled, ever after.
func TestRandomFlagsOfGOFeatureFlagDecideTheSame(t *testing.T) {
	c := newTally()
	for seed := range uint64(*files) {
		g := goffGenerator{drawn: draw(seed)}
		file := object{}
		for i := range 8 {
			file[fmt.Sprint(of(g.drawn, "flag-", "someFlag"), i)] = g.flag()
		}
		rs, m := c.read(t, "goff", file)
		all := map[string]*goff.InternalFlag{}
		if err := json.Unmarshal(marshal(t, file), &all); err != nil {
			t.Fatal(err)
		}
		stays := map[string]bool{} // what a progressive rollout is now
		for _, n := range m.Notes {
			stays[n.Flag] = true
		}
		for range 60 {
			who, theirs, at := g.context()
			for key := range file {
				if !slices.Contains(rs.Keys(), key) || stays[key] && at != now {
					continue
				}
				f := all[key]
				value, resolution := f.Value(key, theirs, goff.Context{})
				want := string(marshal(t, value))
				if resolution.Reason == goff.ReasonError || resolution.Reason == goff.ReasonDisabled {
					want = "null"
				}
				got := valueOf(rs.Decide(key, who))
				if got == "error TARGETING_KEY_MISSING" {
					got = "null"
				}
				if !sameValue(got, want) {
					explained(t, key, object{"flags": file}, object{"key": who.Key, "at": at, "attributes": who.Attributes, "resolution": resolution}, m, got, want)
				}
				c.served[want]++
			}
		}
	}
	c.holds(t, 0.9)
	if len(c.served) < 8 {
		t.Errorf("only these are served: %v", c.served)
	}
}

type goffGenerator struct{ drawn }

func (g *goffGenerator) flag() object {
	variations := of[object](g.drawn, object{"a": "A", "b": "B", "c": "C"}, object{"a": true, "b": false, "c": true}, object{"a": 1, "b": 2.5, "c": 10}, object{"a": object{"x": 1}, "b": object{"x": 2}, "c": object{}})
	f := object{"variations": variations, "defaultRule": g.serve()}
	var rules []object
	for i := range g.IntN(4) {
		r := g.serve()
		r["name"], r["query"] = fmt.Sprint("rule", i), g.query(2)
		if g.one(8) {
			r["disable"] = true
		}
		rules = append(rules, r)
	}
	f["targeting"] = rules
	if g.one(4) {
		f["bucketingKey"] = of(g.drawn, "company", "org.key")
	}
	if g.one(10) {
		f["disable"] = true
	}
	if g.one(6) {
		f["experimentation"] = object{"start": g.date(), "end": g.date()}
	}
	if g.one(4) {
		var steps []object
		for range 1 + g.IntN(3) {
			steps = append(steps, g.step())
		}
		f["scheduledRollout"] = steps
	}
	return f
}

// date is some days from now.
func (g *goffGenerator) date() time.Time {
	return now.Add(time.Duration(g.IntN(20)-10) * 24 * time.Hour)
}

func (g *goffGenerator) step() object {
	s := object{"date": g.date()}
	if g.one(2) {
		s["defaultRule"] = object{"variation": of(g.drawn, "a", "b"), "percentage": object{"a": 20, "b": 80, "c": -1}}
	}
	if g.one(2) {
		s["targeting"] = []object{{"name": "rule0", "query": g.query(1), "variation": "c"}, {"name": fmt.Sprint("more", g.IntN(100)), "query": g.query(1), "variation": "b"}}
	}
	if g.one(4) {
		s["disable"] = g.one(2)
	}
	return s
}

func (g *goffGenerator) serve() object {
	switch g.IntN(6) {
	case 0, 1:
		return object{"percentage": of[object](g.drawn, object{"a": 50, "b": 30.5, "c": 19.5}, object{"a": 10, "c": 90}, object{"b": 100}, object{"a": 1, "b": 2, "c": 4}, object{"a": 0.5, "b": 99.5})}
	case 2:
		return object{"progressiveRollout": object{
			"initial": object{"variation": of(g.drawn, "a", "b"), "percentage": of(g.drawn, 0, 10), "date": now.Add(time.Duration(-1-g.IntN(15)) * 24 * time.Hour)},
			"end":     object{"variation": of(g.drawn, "b", "c"), "percentage": of(g.drawn, 60, 100), "date": now.Add(time.Duration(g.IntN(6)) * 24 * time.Hour)},
		}}
	}
	return object{"variation": of(g.drawn, "a", "b", "c")}
}

func (g *goffGenerator) query(depth int) string {
	if g.one(5) {
		return g.logic()
	}
	return g.nikunjy(depth)
}

func (g *goffGenerator) nikunjy(depth int) string {
	if depth > 0 && g.one(2) {
		left, right := g.nikunjy(depth-1), g.nikunjy(depth-1)
		switch g.IntN(4) {
		case 0:
			return "(" + left + ") or (" + right + ")"
		case 1:
			return "not (" + left + " and " + right + ")"
		case 2:
			return left + " or " + right + " and " + g.nikunjy(0)
		}
		return left + " and " + right
	}
	return of(g.drawn,
		`country eq "de"`, `country ne "DE"`, `country in ["DE", "fr"]`, `mail ew "@A.org"`, `mail co "beta"`, `mail sw "X"`, `age gt 18`, `age le 18`, `age eq 18`, `age ne 18`, `age ge -3`, `age lt 0`,
		`age gt 18.0`, `age in [17, 18]`, `age ne 30.5`, `key eq "u1"`, `targetingKey in ["u1", "u2"]`, `premium eq true`, `premium ne true`, `anonymous eq false`, `anonymous eq true`, `version ge 2.0.0`, `version lt 2.0.0`,
		`version ne 2.0.0`, `company pr`, `missing pr`, `missing eq null`, `company ne null`, `org.plan eq "pro"`, `org.seats gt 3`, `country == "FR"`, `age >= 18`,
	)
}

func (g *goffGenerator) logic() string {
	return of(g.drawn,
		`{"==":[{"var":"country"},"DE"]}`, `{"and":[{">":[{"var":"age"},17]},{"in":[{"var":"key"},["u1","u2","u3"]]}]}`, `{"!":[{"var":"anonymous"}]}`, `{"some":[{"var":"tags"},{"==":[{"var":""},"beta"]}]}`,
		`{"if":[{"==":[{"var":"org.plan"},"pro"]},true,false]}`, `{"var":"premium"}`, `{"!=":[{"var":["company","none"]},"none"]}`,
	)
}

func (g *goffGenerator) context() (flags.Subject, ffcontext.Context, time.Time) {
	all := object{
		"country": of[any](g.drawn, "DE", "FR", "fr", 1), "age": of[any](g.drawn, 17, 18, 18.5, 30.5, -1.5, 0.5, "18"), "mail": of(g.drawn, "x@a.org", "beta@b.org", "X"), "premium": of[any](g.drawn, true, false, "yes"),
		"anonymous": of[any](g.drawn, true, false), "version": of[any](g.drawn, "1.9.9", "2.0.0", "2.0", "v2.0.0", "2.0.0-rc.1", 2), "company": of[any](g.drawn, fmt.Sprint("c", g.IntN(100)), 7), "tags": []any{"beta", "x"},
	}
	for name := range all {
		if g.one(4) {
			delete(all, name)
		}
	}
	all["org"] = map[string]any{"key": fmt.Sprint("o", g.IntN(100)), "plan": of(g.drawn, "pro", "free"), "seats": g.IntN(6)}
	who := flags.Subject{Key: of(g.drawn, ids(g.IntN(2_000)), ids(g.IntN(4)), "zoë"), Attributes: object{}}
	if g.one(12) {
		who.Key = ""
	}
	at := now
	if g.one(2) {
		at = now.Add(time.Duration(1+g.IntN(14*24)) * time.Hour)
	}
	who.At = at.Unix()
	b := ffcontext.NewEvaluationContextBuilder(who.Key)
	for name, value := range all {
		who.Attributes[name] = value
		b.AddCustom(name, value)
	}
	b.AddCustom("gofeatureflag", map[string]any{"currentDateTime": at})
	return who, b.Build(), at
}
