package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/assayhq/assay/flags"
)

// gbFeature is a feature of GrowthBook's SDK payload.
type gbFeature struct {
	DefaultValue json.RawMessage `json:"defaultValue"`
	Rules        []gbRule        `json:"rules"`
}

type gbRule struct {
	ID               string            `json:"id"`
	Condition        json.RawMessage   `json:"condition"`
	ParentConditions []gbParent        `json:"parentConditions"`
	Force            json.RawMessage   `json:"force"`
	Coverage         *float64          `json:"coverage"`
	HashAttribute    string            `json:"hashAttribute"`
	HashVersion      int               `json:"hashVersion"`
	Seed             string            `json:"seed"`
	Key              string            `json:"key"`
	Variations       []json.RawMessage `json:"variations"`
	Weights          []float64         `json:"weights"`
	Range            *[2]float64       `json:"range"`
	Ranges           [][2]float64      `json:"ranges"`
	Filters          []gbFilter        `json:"filters"`
	Namespace        []any             `json:"namespace"`
	Fallback         string            `json:"fallbackAttribute"`
	Meta             []struct {
		Passthrough bool `json:"passthrough"`
	} `json:"meta"`
	Name string `json:"name"`
}

type gbFilter struct {
	Attribute   string       `json:"attribute"`
	Seed        string       `json:"seed"`
	HashVersion int          `json:"hashVersion"`
	Ranges      [][2]float64 `json:"ranges"`
}

type gbParent struct {
	ID        string          `json:"id"`
	Condition json.RawMessage `json:"condition"`
	Gate      bool            `json:"gate"`
}

// GrowthBook reads the features of GrowthBook's SDK endpoint or of an export of the same form, saved groups included. A unit
// keeps its bucket: hash and seed are recorded. The unit id is the attribute id, which here is the targeting key.
func GrowthBook(text []byte, o Options) (Import, error) {
	var file struct {
		Features    map[string]json.RawMessage `json:"features"`
		SavedGroups map[string]json.RawMessage `json:"savedGroups"`
	}
	if err := json.Unmarshal(text, &file); err != nil || file.Features == nil {
		return Import{}, errors.Join(errors.New(`the file is no payload of GrowthBook's; it has "features"`), err)
	}
	read := o.IDs
	if read == "" {
		read = flags.UTF16 // as GrowthBook's SDKs for JavaScript do, and that for Go since 0.7
	}
	if read == UTF8 {
		read = ""
	}
	g := gbImport{strings: read, features: map[string]*gbFeature{}, done: map[string]*gbConverter{}, groups: gbGroups{all: file.SavedGroups, made: map[string]*Segment{}}}
	for key, text := range file.Features {
		feature := &gbFeature{}
		err := json.Unmarshal(text, feature)
		if err == nil {
			err = gbKnown(text)
		}
		if err != nil {
			g.out.fail(key, err.Error())
			continue
		}
		g.features[key] = feature
	}
	for _, key := range slices.Sorted(maps.Keys(g.features)) {
		g.feature(key)
	}
	for _, key := range slices.Sorted(maps.Keys(g.groups.made)) {
		g.out.Segments = append(g.out.Segments, *g.groups.made[key])
	}
	g.out.finish()
	return g.out, nil
}

// gbKnown refuses members of a rule that may decide and are not read. Of an experiment's own active and status SDKs know nothing in
// a rule.
func gbKnown(text json.RawMessage) error {
	var members struct {
		Rules []map[string]json.RawMessage `json:"rules"`
	}
	if err := json.Unmarshal(text, &members); err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	known := []string{
		"id", "name", "description", "condition", "parentConditions", "force", "coverage", "hashAttribute", "hashVersion", "seed", "key", "variations", "weights",
		"active", "range", "ranges", "filters", "namespace", "status", "meta", "phase", "tracks", "bucketVersion", "minBucketVersion", "disableStickyBucketing", "fallbackAttribute",
	}
	for i, m := range members.Rules {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !slices.Contains(known, name) {
				return fmt.Errorf("its rule %d has %q, which has no equal here", i+1, name)
			}
		}
	}
	return nil
}

// gbImport is the translation of a payload.
type gbImport struct {
	out      Import
	features map[string]*gbFeature
	done     map[string]*gbConverter // nil while it is being translated
	groups   gbGroups
	strings  string // how unit ids are read
}

// feature translates a feature, and before it those that it depends on. nil when it cannot be had.
func (g *gbImport) feature(key string) (*gbConverter, string) {
	c, begun := g.done[key]
	switch {
	case c != nil:
		return c, ""
	case begun && g.out.failed(key) == "":
		return nil, "features lead back to it"
	case g.features[key] == nil && g.out.failed(key) == "":
		return nil, "there is no such feature, so GrowthBook takes its value for null"
	case g.out.failed(key) != "":
		return nil, g.out.failed(key)
	}
	g.done[key] = nil
	c = &gbConverter{gbImport: g, key: key, serves: always()}
	f, err := c.flag(g.features[key])
	if err != nil {
		g.out.drop(key, err.Error())
		return nil, err.Error()
	}
	g.done[key] = c
	g.out.Flags = append(g.out.Flags, f)
	return c, ""
}

// gbConverter translates one feature.
type gbConverter struct {
	*gbImport
	variants
	key   string
	rules rules
	// serves holds for those whom no gate has stopped so far; a gate serves null, which is no value.
	serves flags.Condition
	gated  bool
	null   bool // the default value is null
}

func (c *gbConverter) flag(feature *gbFeature) (Flag, error) {
	fallback := Serve{CallerDefault: true}
	if c.null = isNull(feature.DefaultValue); !c.null {
		name, err := c.name(feature.DefaultValue)
		if err != nil {
			return Flag{}, err
		}
		fallback = variant(name)
	}
	for i, r := range feature.Rules {
		if err := c.rule(r); err != nil {
			return Flag{}, fmt.Errorf("its rule %d %w", i+1, err)
		}
	}
	if c.gated && !c.null {
		c.rules.add("default", "", c.serves, fallback)
		fallback = Serve{CallerDefault: true}
	}
	if len(c.all) == 0 {
		return Flag{}, errors.New("it serves nothing but null, and a flag here has a value")
	}
	f := Flag{Key: c.key, Type: string(c.typ), Variants: c.all}
	f.Setting = Setting{On: true, Off: fallback.Variant, Rules: c.rules, Default: fallback}
	if f.Setting.Rules == nil {
		f.Setting.Rules = []Rule{}
	}
	return f, nil
}

func isNull(text json.RawMessage) bool { return len(text) == 0 || string(text) == "null" }

func (c *gbConverter) rule(r gbRule) error {
	condition, err := c.parents(r.ParentConditions)
	if err != nil {
		return err
	}
	filters, err := c.filters(r.Filters)
	if err != nil {
		return err
	}
	targeted, err := c.groups.condition(r.Condition)
	if err != nil {
		return err
	}
	condition = allOf(c.serves, condition, filters, targeted)
	if r.Fallback != "" {
		c.out.note(c.key, fmt.Sprintf("GrowthBook looks at the attribute %s, too, where units are sticky; here a unit is what hashAttribute says", r.Fallback))
	}
	if r.HashVersion < 0 || r.HashVersion > 2 {
		return fmt.Errorf("has the hash version %d, which is not known", r.HashVersion)
	}
	if len(r.Force) == 0 {
		return c.experiment(r, condition)
	}
	if isNull(r.Force) {
		return errors.New("forces null, and here only a default can be no value")
	}
	name, err := c.name(r.Force)
	if err != nil {
		return err
	}
	switch {
	case r.Range != nil:
		condition = allOf(condition, c.part(r, *r.Range))
	case r.Coverage != nil:
		// The bucket that is exactly the coverage is out, as in today's SDKs; before growthbook-golang 0.7 it was in.
		condition = allOf(condition, c.part(r, [2]float64{0, *r.Coverage}))
	}
	c.rules.add(r.ID, "", condition, variant(name))
	return nil
}

// parents holds when the parents' values meet their conditions. One that is a gate serves null to those for whom it does not.
func (c *gbConverter) parents(all []gbParent) (flags.Condition, error) {
	out := always()
	for _, p := range all {
		met, err := c.parent(p)
		if err != nil {
			return out, fmt.Errorf("asks for the feature %s: %w", p.ID, err)
		}
		if !p.Gate {
			out = allOf(out, met)
			continue
		}
		// Whom an earlier parent sends on to the next rule the gate does not stop.
		c.serves = allOf(c.serves, anyOf(not(out), met))
		c.gated = true
		out = allOf(out, met)
	}
	return out, nil
}

// parent holds when the feature serves one of the values that meet the condition: there are few of them, and they are known.
func (c *gbConverter) parent(p gbParent) (flags.Condition, error) {
	condition, err := c.groups.condition(p.Condition)
	if err != nil {
		return never(), err
	}
	null, err := gbMeets(c.groups, condition, nil)
	if err != nil {
		return never(), err
	}
	of, why := c.feature(p.ID)
	switch {
	case of == nil && c.features[p.ID] == nil && c.out.failed(p.ID) == "": // its value is null, always
		return negatedIf(!null, always()), nil
	case of == nil:
		return never(), fmt.Errorf("it is not imported: %s", why)
	}
	var met, unmet []string
	for _, v := range of.all {
		meets, err := gbMeets(c.groups, condition, v.Value)
		if err != nil {
			return never(), err
		}
		if meets {
			met = append(met, v.Key)
		} else {
			unmet = append(unmet, v.Key)
		}
	}
	switch {
	case len(unmet) == 0 && (null || !of.gated && !of.null):
		return always(), nil
	case null: // which is whatever is none of the others
		return not(flags.Condition{Flag: p.ID, Variants: unmet}), nil
	case len(met) == 0:
		return never(), nil
	}
	return flags.Condition{Flag: p.ID, Variants: met}, nil
}

// experiment is a rule for each variation: its range of buckets. A unit in none goes on to the next rule, and so does one whose
// variation passes through, or whose range is of a variation that there is not.
func (c *gbConverter) experiment(r gbRule, condition flags.Condition) error {
	if len(r.Variations) < 2 {
		return nil
	}
	if len(r.Namespace) > 0 && len(r.Filters) == 0 {
		in, err := c.namespace(r)
		if err != nil {
			return err
		}
		condition = allOf(condition, in)
	}
	earlier := []flags.Condition{}
	for i, at := range r.ranges() {
		part := c.part(r, at)
		if i >= len(r.Variations) || i < len(r.Meta) && r.Meta[i].Passthrough {
			earlier = append(earlier, part)
			continue
		}
		if isNull(r.Variations[i]) {
			return errors.New("has a variation null, and here only a default can be no value")
		}
		name, err := c.name(r.Variations[i])
		if err != nil {
			return err
		}
		c.rules.add(r.idOf(i), r.Name, allOf(condition, not(anyOf(earlier...)), part), variant(name))
	}
	return nil
}

func (r gbRule) ranges() [][2]float64 {
	if len(r.Ranges) > 0 {
		return r.Ranges
	}
	return gbRanges(len(r.Variations), r.Coverage, r.Weights)
}

// idOf names the rule of a variation.
func (r gbRule) idOf(variation int) string {
	if r.ID == "" {
		return ""
	}
	return fmt.Sprintf("%s-%d", r.ID, variation)
}
