package interop

import (
	"fmt"
	"io"
	"log/slog"
	"testing"

	gb "github.com/growthbook/growthbook-golang"

	"github.com/assayhq/assay/flags"
)

func TestRandomFeaturesOfGrowthBookDecideTheSame(t *testing.T) {
	c := newTally()
	for seed := range uint64(*files) {
		g := gbGenerator{drawn: draw(seed)}
		file := g.file()
		rs, m := c.read(t, "growthbook", file)
		client, err := gb.NewClient(t.Context(), gb.WithJsonFeatures(string(marshal(t, file["features"]))), gb.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), gb.WithSavedGroups(map[string]any(file["savedGroups"].(object))))
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			attributes := g.attributes()
			theirs, err := client.WithAttributes(gb.Attributes(attributes))
			if err != nil {
				t.Fatal(err)
			}
			who := flags.Subject{Attributes: attributes}
			who.Key, _ = attributes["id"].(string)
			for _, key := range rs.Keys() {
				got, want := valueOf(rs.Decide(key, who)), string(marshal(t, theirs.EvalFeature(t.Context(), key).Value))
				if !sameValue(got, want) {
					explained(t, key, file, attributes, m, got, want)
				}
				c.served[want]++
			}
		}
	}
	c.holds(t, 0.85)
	if len(c.served) < 8 {
		t.Errorf("only these are served: %v", c.served)
	}
}

type gbGenerator struct {
	drawn
	features []string
	values   map[string][]any
}

func (g *gbGenerator) file() object {
	g.values = map[string][]any{}
	features := object{}
	for i := range 8 {
		key := fmt.Sprint(of(g.drawn, "feature-", "someFeature"), i)
		features[key] = g.feature(key)
		g.features = append(g.features, key)
	}
	return object{"features": features, "savedGroups": object{
		"staff": []any{"u1", "u2", "u3", "zoë", 7}, "places": []any{"DE", "FR", 1},
		"listed": object{"type": "list", "attributeKey": "id", "values": []any{"u4", "u5"}}, "lands": object{"type": "list", "attributeKey": "country", "values": []any{"US"}},
		"adults": object{"type": "condition", "condition": object{"age": object{"$gte": 18}}}, "nested": object{"type": "condition", "condition": object{"$or": []any{object{"$savedGroup": object{"id": "adults"}}, object{"plan": "pro"}}}},
	}}
}

func (g *gbGenerator) feature(key string) object {
	values := of(g.drawn, []any{"a", "b", "c"}, []any{true, false}, []any{1, 2, 2.5}, []any{object{"x": 1}, object{"x": 2}})
	g.values[key] = values
	f := object{"defaultValue": of(g.drawn, values...)}
	if g.one(8) {
		f["defaultValue"] = nil
	}
	var rules []object
	for range g.IntN(4) {
		rules = append(rules, g.rule(key, values))
	}
	f["rules"] = rules
	return f
}

func (g *gbGenerator) rule(key string, values []any) object {
	r := object{}
	if !g.one(3) {
		r["condition"] = g.condition(2)
	}
	if g.one(3) && len(g.features) > 0 {
		parents := []object{}
		for range 1 + g.IntN(2) {
			parents = append(parents, g.parent())
		}
		r["parentConditions"] = parents
	}
	if g.one(4) {
		r["filters"] = []object{{"seed": fmt.Sprint("f", g.IntN(50)), "ranges": g.ranges(2), "hashVersion": of(g.drawn, 1, 2), "attribute": of(g.drawn, "id", "company")}}
	}
	if g.one(2) {
		r["hashAttribute"] = of(g.drawn, "id", "company", "number")
	}
	if g.one(2) {
		r["hashVersion"] = of(g.drawn, 1, 2)
	}
	if g.one(3) {
		r["seed"] = fmt.Sprint("seed", g.IntN(1000))
	}
	if g.one(2) {
		r["coverage"] = of(g.drawn, 0.0, 0.1, 0.5, 0.333, 0.9999, 1.0)
	}
	if g.one(2) {
		r["force"] = of(g.drawn, values...)
		if g.one(5) {
			r["range"] = g.ranges(1)[0]
		}
		return r
	}
	r["key"], r["variations"] = fmt.Sprint("experiment", g.IntN(100)), values
	switch g.IntN(4) {
	case 0:
		r["weights"] = []float64{0.5, 0.3, 0.2}[:len(values)] // which of two values add up to too little
	case 1:
		r["ranges"] = g.ranges(len(values) + g.IntN(2))
	case 2:
		r["namespace"] = []any{fmt.Sprint("n", g.IntN(5)), 0.2, 0.75}
	}
	if g.one(4) {
		r["meta"] = []object{{"key": "0"}, {"key": "1", "passthrough": true}}
	}
	if g.one(8) {
		r["active"] = true
		r["status"] = of(g.drawn, "running", "draft")
	}
	return r
}

func (g *gbGenerator) ranges(n int) (out [][2]float64) {
	at := 0.0
	for range n {
		end := at + of(g.drawn, 0, 0.1, 0.25, 0.3333)
		out = append(out, [2]float64{at, end})
		at = end + of(g.drawn, 0, 0.1)
	}
	return out
}

func (g *gbGenerator) parent() object {
	id := of(g.drawn, append(g.features, "unknown")...)
	value := any(true)
	if all := g.values[id]; len(all) > 0 {
		value = of(g.drawn, all...)
	}
	if _, is := value.(object); is {
		value = nil
	}
	condition := of[any](g.drawn, value, object{"$ne": value}, object{"$in": []any{value, "b", 2}}, object{"$exists": g.one(2)}, object{"$gt": 1})
	return object{"id": id, "condition": object{"value": condition}, "gate": g.one(2)}
}

func (g *gbGenerator) condition(depth int) object {
	out := object{}
	for range 1 + g.IntN(2) {
		switch {
		case depth > 0 && g.one(4):
			var parts []any
			for range g.IntN(3) {
				parts = append(parts, g.condition(depth-1))
			}
			if parts == nil {
				parts = []any{}
			}
			out[of(g.drawn, "$or", "$and", "$nor")] = parts
		case depth > 0 && g.one(6):
			out["$not"] = g.condition(depth - 1)
		case g.one(8):
			out["$savedGroup"] = of(g.drawn, object{"id": "adults"}, object{"id": "listed"}, object{"id": "lands"}, object{"id": "nested"}, object{"id": "listed", "attributeKey": "company"}, object{"id": "unknown"})
		default:
			g.field(out)
		}
	}
	return out
}

func (g *gbGenerator) field(out object) {
	switch g.IntN(14) {
	case 0:
		out["age"] = object{of(g.drawn, "$gt", "$gte", "$lt", "$lte"): of[any](g.drawn, 18, 30.5, true)}
	case 1:
		out["country"] = object{of(g.drawn, "$in", "$nin", "$ini", "$nini"): some[any](g.drawn, 3, "DE", "fr", nil, 1, false)}
	case 2:
		out[of(g.drawn, "id", "country", "company")] = object{of(g.drawn, "$inGroup", "$notInGroup"): of(g.drawn, "staff", "places", "unknown")}
	case 3:
		out["mail"] = object{of(g.drawn, "$regex", "$regexi"): of(g.drawn, "^[A-C]+", "@a\\.org$", "b|c")}
	case 4:
		out["version"] = object{of(g.drawn, "$veq", "$vne", "$vgt", "$vgte", "$vlt", "$vlte"): of(g.drawn, "2.0.0", "v1.2.0", "1.2", "3", "2.0.0-rc.1", "1.2.3+b")}
	case 5:
		out[of(g.drawn, "country", "tags", "missing")] = object{"$exists": of[any](g.drawn, true, false, 1, nil)}
	case 6:
		out["tags"] = object{"$size": of[any](g.drawn, 0, 2, object{"$gt": 1}, object{"$lte": 1}, object{"$ne": 2})}
	case 7:
		out["tags"] = object{of(g.drawn, "$all", "$alli"): some[any](g.drawn, 2, "beta", "x", 7)}
	case 8:
		out["tags"] = object{"$elemMatch": of[any](g.drawn, object{"$eq": "beta"}, object{"$gt": 5}, object{"$regex": "^b"}, object{"$ne": "x"}, object{"$in": []any{"beta", 7}}, object{"$nin": []any{"beta"}})}
	case 9:
		out[of(g.drawn, "country", "age", "tags", "address")] = object{"$type": of(g.drawn, "string", "number", "boolean", "array", "object", "null", "undefined")}
	case 10:
		out["address.city"] = of[any](g.drawn, "Kiel", object{"$ne": "Kiel"}, nil)
	case 11:
		out["plan"] = object{"$not": object{"$eq": "pro"}}
	case 12:
		out[of(g.drawn, "plan", "country", "premium")] = of[any](g.drawn, "pro", "DE", true, nil, 1)
	default:
		out["plan"] = object{of(g.drawn, "$eq", "$ne"): of[any](g.drawn, "pro", nil, 1, []any{"pro"})}
	}
}

func (g *gbGenerator) attributes() object {
	all := object{
		"id": of(g.drawn, ids(g.IntN(5_000)), ids(g.IntN(8)), "zoë", "用户1", "🙂"), "company": of[any](g.drawn, ids(g.IntN(50)), "Zoë", ""), "number": of[any](g.drawn, 1.0, 2.0, 77.0, "x"),
		"country": of[any](g.drawn, "DE", "FR", "de", "US", 1.0, []any{"DE", "x"}, false), "age": of[any](g.drawn, 17.0, 18.0, 30.5, 40.0, "18", true), "plan": of[any](g.drawn, "pro", "free", 1.0, []any{"pro"}),
		"mail": of[any](g.drawn, "ABC@a.org", "abc@b.org", "x", 3.0), "version": of[any](g.drawn, "1.2.0", "1.2", "2.0.0", "v2.0.0", "2.0.0-rc.1", "2.0.0-rc.2", "3", "3.1.0", "1.2.3", 2.0),
		"tags": of[any](g.drawn, []any{"beta", "x"}, []any{}, []any{7.0, 1.0}, []any{"BETA"}, "beta", []any{"x"}), "premium": of[any](g.drawn, true, false),
		"address": of[any](g.drawn, map[string]any{"city": "Kiel"}, map[string]any{"city": "Bonn"}, "Kiel"),
	}
	for name := range all {
		if g.one(4) {
			delete(all, name)
		}
	}
	return all
}
