package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/oasdiff/yaml"

	"github.com/assayhq/assay/flags"
)

// goffFlag is a flag of GO Feature Flag's.
type goffFlag struct {
	Variations      map[string]json.RawMessage `json:"variations"`
	Targeting       []goffRule                 `json:"targeting"`
	DefaultRule     goffRule                   `json:"defaultRule"`
	BucketingKey    string                     `json:"bucketingKey"`
	Disable         *bool                      `json:"disable"`
	Experimentation goffPeriod                 `json:"experimentation"`
	Scheduled       []goffStep                 `json:"scheduledRollout"`
	Metadata        map[string]json.RawMessage `json:"metadata"`
}

type goffRule struct {
	Name        string             `json:"name"`
	Query       *string            `json:"query"`
	Variation   *string            `json:"variation"`
	Percentage  map[string]float64 `json:"percentage"`
	Disable     *bool              `json:"disable"`
	Progressive *goffProgressive   `json:"progressiveRollout"`
}

type goffProgressive struct {
	Initial goffPoint `json:"initial"`
	End     goffPoint `json:"end"`
}

type goffPoint struct {
	Variation  *string    `json:"variation"`
	Percentage *float64   `json:"percentage"`
	Date       *time.Time `json:"date"`
}

type goffPeriod struct {
	Start *time.Time `json:"start"`
	End   *time.Time `json:"end"`
}

// GOFeatureFlag reads a file of GO Feature Flag's in YAML or JSON. A unit keeps its bucket. Scheduled steps and experiments happen
// here when they do there; a progressive rollout stays where it is, and a note tells where that is.
func GOFeatureFlag(text []byte, o Options) (Import, error) {
	var file map[string]json.RawMessage
	asJSON, err := yaml.YAMLToJSON(text)
	if err == nil {
		err = json.Unmarshal(asJSON, &file)
	}
	if err != nil {
		return Import{}, fmt.Errorf("the file is no YAML or JSON of flags: %w", err)
	}
	m := Import{}
	for _, key := range slices.Sorted(maps.Keys(file)) {
		c := goffConverter{Import: &m, key: key, now: o.Now}
		f, err := c.flag(file[key])
		if err != nil {
			m.drop(key, err.Error())
			continue
		}
		m.Flags = append(append(m.Flags, f), c.helpers...)
	}
	m.finish()
	return m, nil
}

// goffConverter translates one flag.
type goffConverter struct {
	*Import
	variants
	key     string
	now     time.Time
	by      string
	rules   rules
	helpers []Flag // that evaluate queries for it
}

func (c *goffConverter) flag(text json.RawMessage) (Flag, error) {
	var from goffFlag
	if err := json.Unmarshal(text, &from); err != nil {
		return Flag{}, fmt.Errorf("it cannot be read: %w", err)
	}
	phases, err := from.phases(c.now)
	if err != nil {
		return Flag{}, err
	}
	for _, p := range phases {
		if err := c.take(p.Variations); err != nil {
			return Flag{}, err
		}
	}
	if len(c.all) == 0 {
		return Flag{}, errors.New("it has no variations")
	}
	setting, err := c.setting(from, phases)
	return Flag{Key: c.key, Type: string(c.typ), Variants: c.all, Setting: setting, Metadata: c.metadata(c.key, from.Metadata)}, err
}

// take makes variants of the variations, whose names they keep.
func (c *goffConverter) take(variations map[string]json.RawMessage) error {
	for _, name := range slices.Sorted(maps.Keys(variations)) {
		i := slices.IndexFunc(c.all, func(v Variant) bool { return v.Key == name })
		if i >= 0 && same([]any{c.all[i].Value}, []any{variations[name]}) {
			continue
		}
		if i >= 0 {
			return fmt.Errorf("a scheduled step gives its variation %s another value, and a variant here has one", name)
		}
		if err := c.named(name, variations[name]); err != nil {
			return err
		}
	}
	return nil
}

// setting is the phases one after the other, each for the time that it lasts.
func (c *goffConverter) setting(from goffFlag, phases []goffPhase) (Setting, error) {
	known := c.unitKnown(from)
	s := Setting{On: true, Rules: []Rule{}, Default: Serve{CallerDefault: true}}
	if len(phases) == 1 { // what is off stays as it is, for the day it is turned on
		s.On = !phases[0].off() && !isNever(c.running(phases[0].Experimentation))
		phases[0].Disable = nil
	}
	simple := len(phases) == 1 && isAlways(allOf(c.running(phases[0].Experimentation), known))
	for i, p := range phases {
		serves := allOf(c.lasts(phases, i), c.running(p.Experimentation), known)
		if p.off() {
			continue
		}
		last, err := c.phase(p, serves)
		if err != nil {
			return s, err
		}
		if simple {
			s.Default = last
		} else {
			c.rules.add("", "", serves, last)
		}
	}
	s.Rules = append(s.Rules, c.rules...)
	if simple {
		c.keepLogic(&s)
	}
	return s, nil
}

// unitKnown holds for contexts that have the unit which the flag needs: without it GO Feature Flag serves nothing at all, not even
// by a rule that needs none.
func (c *goffConverter) unitKnown(from goffFlag) flags.Condition {
	needs := from.needsUnit()
	if from.BucketingKey != "" {
		steps := strings.Split(from.BucketingKey, ".")
		at := where{steps[0], steps[1:]}
		c.by = at.by()
		if !needs {
			return at.isType("string")
		}
		return allOf(at.isType("string"), not(at.is(flags.Equals, "")))
	}
	if needs && !from.onlySplits() {
		return theKey.exists()
	}
	return always()
}

func (f *goffFlag) all() (out []goffRule) {
	out = append(slices.Clone(f.Targeting), f.DefaultRule)
	for _, s := range f.Scheduled {
		out = append(append(out, s.Targeting...), s.DefaultRule)
	}
	return out
}

func (f *goffFlag) needsUnit() bool {
	return slices.ContainsFunc(f.all(), func(r goffRule) bool { return len(r.Percentage) > 0 || r.Progressive != nil })
}

func (f *goffFlag) onlySplits() bool {
	return len(f.Scheduled) == 0 && !slices.ContainsFunc(f.all(), func(r goffRule) bool { return len(r.Percentage) == 0 || r.Progressive != nil })
}

// running holds while an experiment lasts; before and after it the flag is off.
func (c *goffConverter) running(p goffPeriod) flags.Condition {
	out := always()
	if p.Start != nil {
		out = allOf(out, c.after(*p.Start, c.now))
	}
	if p.End != nil {
		out = allOf(out, not(c.after(p.End.Add(1), c.now))) // its end belongs to it
	}
	return out
}

// phase adds the rules, and returns what whoever meets none of them gets.
func (c *goffConverter) phase(p goffPhase, serves flags.Condition) (Serve, error) {
	for i, r := range p.Targeting {
		if r.Disable != nil && *r.Disable {
			continue
		}
		condition, err := c.query(r.Query)
		if err != nil {
			return Serve{}, fmt.Errorf("its rule %d %w", i+1, err)
		}
		serve, err := c.serve(r)
		if err != nil {
			return Serve{}, fmt.Errorf("its rule %d %w", i+1, err)
		}
		c.rules.add("", r.Name, allOf(serves, condition), serve)
	}
	serve, err := c.serve(p.DefaultRule)
	if err != nil {
		err = fmt.Errorf("its default rule %w", err)
	}
	return serve, err
}

// goffTotal is the unit of GO Feature Flag's percentages.
const goffTotal = 100_000

// serve is what a rule serves: its variations take their ranges in descending order of their names.
func (c *goffConverter) serve(r goffRule) (Serve, error) {
	switch {
	case r.Progressive != nil:
		return c.progressive(*r.Progressive)
	case len(r.Percentage) > 0:
		return c.percentages(r.Percentage)
	case r.Variation == nil:
		return Serve{}, errors.New("serves nothing")
	}
	return variant(*r.Variation), nil
}

func (c *goffConverter) split(total uint32, weights ...flags.Weight) Serve {
	return serveSplit(flags.Split{Algorithm: flags.GOFeatureFlagV1, Salt: c.key, Total: total, By: c.by, Weights: weights})
}

func (c *goffConverter) percentages(all map[string]float64) (Serve, error) {
	names := slices.Sorted(maps.Keys(all))
	slices.Reverse(names)
	var weights []flags.Weight
	total := 0.0
	for _, name := range names {
		weight := math.Round(all[name] * goffTotal / 100)
		if !(weight >= 0) || weight > math.MaxInt32 {
			return Serve{}, fmt.Errorf("gives the variation %s %v %%", name, all[name])
		}
		total += weight
		weights = append(weights, flags.Weight{Variant: name, Weight: uint32(weight)})
	}
	if total < 1 || total > math.MaxInt32 {
		return Serve{}, errors.New("has percentages that add up to nothing")
	}
	return c.split(uint32(total), weights...), nil
}

// progressive is the share that the rollout has now.
func (c *goffConverter) progressive(p goffProgressive) (Serve, error) {
	if p.Initial.Date == nil || p.End.Date == nil || p.Initial.Variation == nil || p.End.Variation == nil || !p.End.Date.After(*p.Initial.Date) {
		return Serve{}, errors.New("has a progressive rollout that lacks a date or a variation")
	}
	from, to := p.Initial.percentage(), p.End.percentage()
	if to == 0 || to > 100 {
		to = 100
	}
	share := to
	if c.now.Before(*p.End.Date) {
		passed := float64(c.now.Unix() - p.Initial.Date.Unix())
		share = passed*((to*1_000-from*1_000)/float64(p.End.Date.Unix()-p.Initial.Date.Unix()))/1_000 + from
		if c.now.Before(*p.Initial.Date) {
			share = 0
		}
		c.note(c.key, fmt.Sprintf("its progressive rollout of %s from %v %% at %s to %v %% at %s is at %.3f %% now and stays there; import again later, or go on with it here",
			*p.End.Variation, from, p.Initial.Date.Format(time.RFC3339), to, p.End.Date.Format(time.RFC3339), share))
	}
	end := uint32(min(max(share*1_000, 0), goffTotal)) // cut off, as there
	if *p.End.Variation == *p.Initial.Variation {
		return variant(*p.End.Variation), nil
	}
	return c.split(goffTotal, flags.Weight{Variant: *p.End.Variation, Weight: end}, flags.Weight{Variant: *p.Initial.Variation, Weight: goffTotal - end}), nil
}

func (p goffPoint) percentage() float64 {
	if p.Percentage == nil {
		return 0
	}
	return *p.Percentage
}
