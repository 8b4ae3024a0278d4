package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assayhq/assay/flags"
)

type unleashFeature struct {
	Name         string              `json:"name"`
	Enabled      bool                `json:"enabled"`
	Strategies   []unleashStrategy   `json:"strategies"`
	Variants     []unleashVariant    `json:"variants"`
	Dependencies []unleashDependency `json:"dependencies"`
}

type unleashStrategy struct {
	FeatureName string              `json:"featureName"`
	Environment string              `json:"environment"`
	Name        string              `json:"name"`
	Title       string              `json:"title"`
	Parameters  map[string]any      `json:"parameters"`
	Constraints []unleashConstraint `json:"constraints"`
	Segments    []int               `json:"segments"`
	Variants    []unleashVariant    `json:"variants"`
	Disabled    bool                `json:"disabled"`
}

type unleashDependency struct {
	Feature  string   `json:"feature"`
	Enabled  *bool    `json:"enabled"`
	Variants []string `json:"variants"`
}

type unleashSegment struct {
	ID          int                  `json:"id"`
	Name        string               `json:"name"`
	Constraints *[]unleashConstraint `json:"constraints"`
}

type unleashFile struct {
	Features            []unleashFeature  `json:"features"`
	Segments            []unleashSegment  `json:"segments"`
	FeatureStrategies   []unleashStrategy `json:"featureStrategies"`
	FeatureEnvironments []struct {
		FeatureName string           `json:"featureName"`
		Environment string           `json:"environment"`
		Enabled     bool             `json:"enabled"`
		Variants    []unleashVariant `json:"variants"`
	} `json:"featureEnvironments"`
	Dependencies []struct {
		Feature      string              `json:"feature"`
		Dependencies []unleashDependency `json:"dependencies"`
	} `json:"dependencies"`
}

// Unleash reads features as Unleash's SDKs get them, or an export of the admin API. A feature is a boolean flag; each strategy is
// a rule, and a unit keeps its bucket. A feature with variants is a second flag, FEATURE.variant, that serves the payload of the
// variant or, where it has none, its name. The user id is the targeting key.
func Unleash(text []byte, o Options) (Import, error) {
	var file unleashFile
	if err := json.Unmarshal(text, &file); err != nil || file.Features == nil {
		return Import{}, errors.Join(errors.New(`the file is no export of Unleash's; it has "features"`), err)
	}
	if err := file.gather(o.Environment); err != nil {
		return Import{}, err
	}
	u := unleashImport{options: o, features: map[string]*unleashFeature{}, segments: map[int]*unleashSegment{}}
	for i := range file.Features {
		u.features[file.Features[i].Name] = &file.Features[i]
	}
	for i := range file.Segments {
		u.segments[file.Segments[i].ID] = &file.Segments[i]
	}
	for i := range file.Features {
		u.feature(&file.Features[i])
	}
	u.out.finish()
	return u.out, nil
}

// gather puts the parts of an export's features together, as they are in one environment.
func (file *unleashFile) gather(environment string) error {
	if err := file.has(environment); err != nil {
		return err
	}
	of := func(name string) bool { return environment == "" || name == "" || name == environment }
	features := map[string]*unleashFeature{"": {}}
	for i := range file.Features {
		features[file.Features[i].Name] = &file.Features[i]
	}
	find := func(name string) *unleashFeature {
		if f := features[name]; f != nil {
			return f
		}
		return features[""] // of a feature that is not in the export
	}
	for _, s := range file.FeatureStrategies {
		if f := find(s.FeatureName); of(s.Environment) {
			f.Strategies = append(f.Strategies, s)
		}
	}
	for _, e := range file.FeatureEnvironments {
		if f := find(e.FeatureName); of(e.Environment) {
			f.Enabled = e.Enabled
			f.Variants = append(f.Variants, e.Variants...)
		}
	}
	for _, d := range file.Dependencies {
		f := find(d.Feature)
		f.Dependencies = append(f.Dependencies, d.Dependencies...)
	}
	return nil
}

// has refuses an environment that the export has not, and none where it has several.
func (file *unleashFile) has(environment string) error {
	var names []string
	for _, e := range file.FeatureEnvironments {
		if !slices.Contains(names, e.Environment) {
			names = append(names, e.Environment)
		}
	}
	if len(names) == 0 || environment == "" && len(names) == 1 || slices.Contains(names, environment) {
		return nil
	}
	return fmt.Errorf("the export has the environments %s; name one of them with --source-environment", strings.Join(names, ", "))
}

// unleashImport is the translation of a file.
type unleashImport struct {
	out      Import
	options  Options
	features map[string]*unleashFeature
	segments map[int]*unleashSegment
}

// unleashStep is a strategy whose condition is translated.
type unleashStep struct {
	unleashStrategy
	condition flags.Condition
}

func (u *unleashImport) feature(from *unleashFeature) {
	steps, err := u.steps(from)
	if err != nil {
		u.out.fail(from.Name, err.Error())
		return
	}
	var rules rules
	for _, s := range steps {
		rules.add("", s.Title, s.condition, variant("on"))
	}
	f := Flag{Key: from.Name, Type: string(flags.Boolean), Variants: onAndOff()}
	f.Setting = Setting{On: from.Enabled, Off: "off", Rules: rules, Default: variant("off")}
	if len(rules) == 1 && reflectsAll(rules[0]) {
		f.Setting.Rules, f.Setting.Default = []Rule{}, variant("on")
	}
	if f.Setting.Rules == nil {
		f.Setting.Rules = []Rule{}
	}
	u.out.Flags = append(u.out.Flags, f)
	if !from.hasVariants() {
		return
	}
	name := from.Name + ".variant"
	v, err := u.variantFlag(from, steps)
	if err != nil {
		u.out.fail(name, err.Error())
		return
	}
	u.out.note(from.Name, "has variants: whether it is enabled is this flag, and its variant the flag "+name)
	u.out.Flags = append(u.out.Flags, v)
}

// reflectsAll reports whether the rule is for everybody.
func reflectsAll(r Rule) bool { return len(r.If) == 1 && isAlways(r.If[0]) }

func (f *unleashFeature) hasVariants() bool {
	return len(f.Variants) > 0 || slices.ContainsFunc(f.Strategies, func(s unleashStrategy) bool { return !s.Disabled && len(s.Variants) > 0 })
}

// steps are the strategies, in order, each with what it takes to be the one that enables the feature.
func (u *unleashImport) steps(from *unleashFeature) (out []unleashStep, err error) {
	depends, err := u.dependencies(from)
	if err != nil {
		return nil, err
	}
	if len(from.Strategies) == 0 { // a feature without strategies is on for everybody
		return []unleashStep{{condition: depends}}, nil
	}
	for i, s := range from.Strategies {
		if s.Disabled {
			continue
		}
		condition, err := u.strategy(from.Name, s)
		if errors.Is(err, errNoSegment) {
			return out, nil // the strategies behind it are not looked at
		} else if err != nil {
			return nil, fmt.Errorf("its strategy %d %w", i+1, err)
		}
		out = append(out, unleashStep{s, allOf(depends, condition)})
	}
	return out, nil
}

// dependencies hold when the parents are as they must. Parents that have parents fail.
func (u *unleashImport) dependencies(from *unleashFeature) (flags.Condition, error) {
	all := []flags.Condition{}
	for _, d := range from.Dependencies {
		parent := u.features[d.Feature]
		if parent == nil || len(parent.Dependencies) > 0 {
			return never(), nil
		}
		on := flags.Condition{Flag: d.Feature, Variants: []string{"on"}}
		switch {
		case d.Enabled != nil && !*d.Enabled:
			on = not(on)
		case len(d.Variants) > 0 && parent.hasVariants():
			var err error
			if on, err = u.parentVariants(parent, d.Variants); err != nil {
				return never(), err
			}
		}
		all = append(all, on)
	}
	return allOf(all...), nil
}

// parentVariants holds when the parent serves one of the variants.
func (u *unleashImport) parentVariants(parent *unleashFeature, names []string) (flags.Condition, error) {
	with := 0
	for _, s := range parent.Strategies {
		if len(s.Variants) > 0 {
			with++
		}
	}
	if with > 0 && with < len(parent.Strategies) {
		return never(), fmt.Errorf("it depends on variants of %s, of whose strategies some have none; SDKs disagree about what that means", parent.Name)
	}
	values := unleashValues{}
	if err := values.gather(parent); err != nil {
		return never(), fmt.Errorf("it depends on variants of %s: %w", parent.Name, err)
	}
	var keys []string
	for _, v := range values.named {
		if slices.Contains(names, v.name) {
			keys = append(keys, v.key)
		}
	}
	if len(keys) == 0 {
		return never(), nil
	}
	return flags.Condition{Flag: parent.Name + ".variant", Variants: keys}, nil
}
