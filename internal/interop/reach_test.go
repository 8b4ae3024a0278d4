package interop

import (
	"fmt"
	"slices"
	"testing"

	"github.com/assayhq/assay/flags"
)

// reach is what random flags of a server ask for: segments, each other, a holdout, layers.
type reach struct {
	snapshots
	*server
	experiments int
}

const (
	shopPath    = "/api/v1/projects/shop"
	inLayers    = 6      // experiments, three in each of two layers
	shareOfEach = 30_000 // of the 100,000 buckets of a layer
)

// newReach makes what flags can ask for through the API.
func newReach(t *testing.T, r snapshots, s *server) *reach {
	out := &reach{snapshots: r, server: s}
	for key, ids := range map[string][]string{"beta": {"7", "acme"}, "staff": {"user-1", "Zoë"}} {
		segment := object{"key": key, "rules": []any{object{"if": []any{out.plainComparison(t), out.plainComparison(t)}}}}
		if key == "beta" {
			segment["by"] = "company"
		}
		s.do(t, "POST", shopPath+"/segments", segment, nil)
		s.do(t, "POST", shopPath+"/segments/"+key+"/ids", object{"list": "included", "add": ids}, nil)
	}
	s.do(t, "POST", shopPath+"/segments/staff/ids", object{"list": "excluded", "add": []string{"user-2"}}, nil)
	s.do(t, "POST", shopPath+"/holdouts", object{"key": "year", "share": 20_000}, nil)
	s.do(t, "POST", shopPath+"/metrics", object{"key": "conversion", "kind": "binary", "event": "purchase", "direction": "increase"}, nil)
	for _, layer := range []string{"top", "bottom"} {
		s.do(t, "POST", shopPath+"/layers", object{"key": layer}, nil)
	}
	return out
}

// flag makes a random flag through the API; its conditions may ask for the flags before it.
func (r *reach) flag(t *testing.T, key string, others []string) flags.Flag {
	f := r.snapshots.flag(t, key, others)
	for i := range f.Rules {
		r.plain(t, f.Rules[i].If)
	}
	setting := object{"on": f.On, "rules": append([]flags.Rule{}, f.Rules...), "default": f.Default, "off": f.Off, "overrides": append([]flags.Override{}, f.Overrides...)}
	if len(f.Holdouts) > 0 {
		setting["holdouts"], setting["held"] = []string{"year"}, f.Holdouts[0].Serve
	}
	r.server.flag(t, object{"key": key, "type": f.Type, "variants": f.Variants}, setting)
	if f.Experiment != nil {
		r.experiment(t, key)
	}
	return f
}

// experiment starts one on the flag, in a layer as long as those have room.
func (r *reach) experiment(t *testing.T, flag string) {
	key := "trial-" + flag
	plan := object{
		"key": key, "hypothesis": "We believe that it does not matter who decides, because all of them decide the same.", "flag": flag, "environment": "production",
		"arms":    []any{object{"variant": "a", "weight": 20_000}, object{"variant": "b", "weight": 50_000}, object{"variant": "c", "weight": 30_000}},
		"primary": "conversion", "analysis": object{"planned_units": 20_000, "target": object{"by": "relative", "value": 0.02}},
	}
	if r.experiments < inLayers {
		plan["layer"], plan["layer_share"] = []string{"top", "bottom"}[r.experiments%2], shareOfEach
	}
	r.experiments++
	r.do(t, "POST", shopPath+"/experiments", plan, nil)
	r.do(t, "POST", shopPath+"/experiments/"+key+"/start", object{}, nil)
}

// plain exchanges comparisons on which flagd's JavaScript evaluator fails, however deep they lie.
func (r *reach) plain(t *testing.T, all []flags.Condition) {
	for i := range all {
		if all[i].Operator != "" {
			all[i] = r.plainComparison(t)
		}
		r.plain(t, all[i].All)
		r.plain(t, all[i].Any)
	}
}

func (r *reach) plainComparison(t *testing.T) flags.Condition {
	for {
		if c := r.comparison(t); !usesMore(c) {
			return c
		}
	}
}

// asks counts what the conditions ask for, by kind.
func asks(all []flags.Condition, into map[string]int) {
	for i := range all {
		c := &all[i]
		for kind, there := range map[string]bool{"segments": c.Segments != nil, "flags": c.Flag != "", "slices": c.Slice != nil, "groups": c.All != nil || c.Any != nil} {
			if there {
				into[kind]++
			}
		}
		asks(c.All, into)
		asks(c.Any, into)
	}
}

// reaches fails the test unless every kind of thing is asked for in what is served, and decides something.
func reaches(t *testing.T, s flags.Snapshot, decided map[string]int) {
	t.Helper()
	found := map[string]int{}
	for i := range s.Flags {
		f := &s.Flags[i]
		for j := range f.Rules {
			asks(f.Rules[j].If, found)
		}
		found["overrides"] += len(f.Overrides)
		found["holdouts"] += len(f.Holdouts)
		if f.Experiment != nil {
			found["experiments"]++
			found["layers"] += len(f.Experiment.Within)
		}
	}
	for _, kind := range []string{"segments", "flags", "slices", "groups", "overrides", "holdouts", "experiments", "layers"} {
		if found[kind] < 3 {
			t.Errorf("only %d of the flags' parts are %s", found[kind], kind)
		}
	}
	for _, kind := range []string{"override", "holdout", "experiment", "rule", "default"} {
		if decided[kind] < 200 {
			t.Errorf("only %d decisions are by %s", decided[kind], kind)
		}
	}
	t.Logf("parts %v, decided by %v", found, decided)
}

// step is what served.
func step(d flags.Decision) string {
	switch {
	case d.Override:
		return "override"
	case d.Holdout != "":
		return "holdout"
	case d.Experiment != "":
		return "experiment"
	case d.Rule != "":
		return "rule"
	default:
		return "default"
	}
}

// usesMore reports whether the comparison leads into an object, or compares with a number what may be a list or an object, on
// which flagd's JavaScript evaluator fails.
func usesMore(c flags.Condition) bool {
	numeric := slices.Contains([]flags.Operator{flags.Greater, flags.GreaterOrEqual, flags.Less, flags.LessOrEqual, flags.Between, flags.Modulo}, c.Operator)
	return len(c.Path) > 0 || numeric && (c.Attribute == "tags" || c.Attribute == "nested")
}

func flagKey(i int) string { return fmt.Sprintf("flag-%03d", i) }
