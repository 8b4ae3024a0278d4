package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/assayhq/assay/domain"
)

// Aggregate is the law of flags. Streams: flag-<project>.<key>.
var Aggregate = domain.Aggregate[State, Command, Event]{
	Decider:  domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve},
	Category: "flag",
	Encode:   encode,
	Decode:   wire.Decode,
}

func decide(s State, c Command, _ domain.Envelope) ([]Event, error) {
	switch c := c.(type) {
	case Create:
		return create(s, c)
	case Restore:
		return restore(s)
	case DetachExperiment:
		return detach(s, c)
	default:
		return decideExisting(s, c)
	}
}

// decideExisting decides the commands that need a flag in service.
func decideExisting(s State, c Command) ([]Event, error) {
	if !s.Exists() {
		return nil, notFound()
	}
	if _, again := c.(Archive); s.Archived && !again {
		return nil, domain.WrongState("the flag is archived; restore it before changing it").WithCode("archived")
	}
	switch c := c.(type) {
	case Describe:
		return describe(s, c)
	case ChangeVariants:
		return changeVariants(s, c)
	case ChangeMetadata:
		return changeMetadata(s, c)
	case TurnOn:
		return turn(s, c.Environment, true)
	case TurnOff:
		return turn(s, c.Environment, false)
	case ChangeTargeting:
		return changeTargeting(s, c)
	case SetEnvironment:
		return setEnvironment(s, c)
	case AttachExperiment:
		return attach(s, c)
	case Archive:
		return archive(s)
	default:
		return nil, domain.Invalid("", "flags know no command %T", c)
	}
}

func notFound() error { return domain.NotFound("there is no such flag; create it first") }

// Salt is what the splits of a flag's rules are salted with: one salt for all of them, so that a unit keeps its place when
// another rule begins to match it. Keys contain no '/', so no two flags share one.
func Salt(project domain.ProjectKey, key domain.FlagKey) string {
	return fmt.Sprintf("%s.%s/", project, key)
}

func create(s State, c Create) ([]Event, error) {
	if s.Exists() {
		return nil, domain.Exists("there is a flag %q already; choose another key, keys of archived flags stay taken", s.Key)
	}
	if err := domain.At("/project", domain.CheckProjectKey("project", c.Project)); err != nil {
		return nil, err
	}
	if err := domain.CheckBroughtKey("flag", c.Key); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = string(c.Key)
	}
	if err := domain.CheckNaming(c.Name, c.Description); err != nil {
		return nil, err
	}
	if c.Type == Boolean && len(c.Variants) == 0 {
		c.Variants = []Variant{{Key: "on", Value: json.RawMessage("true")}, {Key: "off", Value: json.RawMessage("false")}}
	}
	variants, err := checkVariants(c.Type, c.Variants)
	if err != nil {
		return nil, err
	}
	if c.Default == "" {
		c.Default = variants[0].Key
	}
	if c.Off == "" {
		c.Off = variants[len(variants)-1].Key
	}
	if err := checkServed("/default", variants, c.Default); err != nil {
		return nil, err
	}
	if err := checkServed("/off", variants, c.Off); err != nil {
		return nil, err
	}
	metadata, err := changeMetadata(s, ChangeMetadata{Metadata: c.Metadata})
	if err != nil {
		return nil, err
	}
	return append([]Event{Created{
		Project: c.Project, Key: c.Key, Name: c.Name, Description: c.Description, Type: c.Type,
		Variants: variants, Default: c.Default, Off: c.Off,
	}}, metadata...), nil
}

func describe(s State, c Describe) ([]Event, error) {
	if c.Name == "" {
		c.Name = string(s.Key)
	}
	if err := domain.CheckNaming(c.Name, c.Description); err != nil {
		return nil, err
	}
	if c.Name == s.Name && c.Description == s.Description {
		return nil, nil
	}
	return []Event{Described(c)}, nil
}

func changeVariants(s State, c ChangeVariants) ([]Event, error) {
	variants, err := checkVariants(s.Type, c.Variants)
	if err != nil {
		return nil, err
	}
	for _, old := range s.Variants {
		now := find(variants, old.Key)
		changed := now == nil || !bytes.Equal(now.Value, old.Value)
		if where, experiment := servedWhere(s, old.Key); now == nil && where != "" {
			return nil, domain.Invalid("/variants", "the variant %q is still served in %s; change what is served there first", old.Key, where).WithCode("variant_in_use")
		} else if changed && experiment != "" {
			return nil, domain.WrongState("the variant %q is an arm of the running experiment %q; stop it before changing the value", old.Key, experiment).WithCode("variant_under_test")
		}
	}
	if reflect.DeepEqual(variants, s.Variants) {
		return nil, nil
	}
	return []Event{VariantsChanged{Variants: variants}}, nil
}

func turn(s State, environment domain.EnvironmentKey, on bool) ([]Event, error) {
	if err := checkEnvironment(environment); err != nil {
		return nil, err
	}
	switch {
	case s.In(environment).On == on:
		return nil, nil
	case on:
		return []Event{TurnedOn{Environment: environment}}, nil
	default:
		return []Event{TurnedOff{Environment: environment}}, nil
	}
}

func changeTargeting(s State, c ChangeTargeting) ([]Event, error) {
	if err := checkEnvironment(c.Environment); err != nil {
		return nil, err
	}
	targeting, err := checkTargeting(s, c.Targeting)
	if err != nil {
		return nil, err
	}
	if targeting, err = keepBuckets(s.In(c.Environment).Targeting, targeting); err != nil {
		return nil, err
	}
	if reflect.DeepEqual(targeting, s.In(c.Environment).Targeting) {
		return nil, nil
	}
	return []Event{TargetingChanged{Environment: c.Environment, Targeting: targeting}}, nil
}

func setEnvironment(s State, c SetEnvironment) ([]Event, error) {
	targeting := s.In(c.Environment).Targeting
	if c.Rules != nil {
		targeting.Rules = *c.Rules
	}
	if c.Logic != nil {
		targeting.Logic = c.Logic
	}
	if c.Default != nil {
		targeting.Default = *c.Default
	}
	if c.Off != nil {
		targeting.Off, targeting.OffCallerDefault = *c.Off, *c.Off == ""
	}
	if c.Overrides != nil {
		targeting.Overrides = *c.Overrides
	}
	if c.Holdouts != nil {
		targeting.Holdouts = *c.Holdouts
	}
	if c.Held != nil {
		targeting.Held = *c.Held
	}
	events, err := changeTargeting(s, ChangeTargeting{Environment: c.Environment, Targeting: targeting})
	if err != nil || c.On == nil {
		return events, err
	}
	switched, err := turn(s, c.Environment, *c.On)
	return append(events, switched...), err
}

func attach(s State, c AttachExperiment) ([]Event, error) {
	if err := checkEnvironment(c.Environment); err != nil {
		return nil, err
	}
	if err := domain.At("/experiment", domain.CheckKey("experiment", c.Experiment)); err != nil {
		return nil, err
	}
	if c.Unit == "" {
		c.Unit = domain.DefaultUnit
	}
	if err := domain.At("/unit", domain.CheckKey("unit type", c.Unit)); err != nil {
		return nil, err
	}
	if err := checkSplit(s, &c.Split, "/split"); err != nil {
		return nil, err
	}
	if err := checkWithin(&c); err != nil {
		return nil, err
	}
	now := s.In(c.Environment).Experiment
	if now != nil && now.Experiment != c.Experiment {
		return nil, domain.WrongState("the experiment %q runs on this flag in %s; stop it before starting another", now.Experiment, c.Environment).WithCode("flag_busy")
	}
	if now != nil {
		if err := layOut(&now.Split, &c.Split); err != nil {
			return nil, err
		}
	}
	if now != nil && now.Unit == c.Unit && reflect.DeepEqual(now.Split, c.Split) && now.Layer == c.Layer && reflect.DeepEqual(now.Within, c.Within) {
		return nil, nil
	}
	return []Event{ExperimentAttached(c)}, nil
}

func detach(s State, c DetachExperiment) ([]Event, error) {
	if !s.Exists() {
		return nil, notFound()
	}
	now := s.In(c.Environment).Experiment
	if now == nil || now.Experiment != c.Experiment {
		return nil, nil
	}
	return []Event{ExperimentDetached(c)}, nil
}

func archive(s State) ([]Event, error) {
	if s.Archived {
		return nil, nil
	}
	for _, in := range s.Environments {
		if on := in.Experiment; on != nil {
			return nil, domain.WrongState("the experiment %q runs on this flag in %s; stop it before archiving the flag", on.Experiment, in.Key).WithCode("flag_busy")
		}
	}
	return []Event{Archived{}}, nil
}

func restore(s State) ([]Event, error) {
	switch {
	case !s.Exists():
		return nil, notFound()
	case !s.Archived:
		return nil, nil
	default:
		return []Event{Restored{}}, nil
	}
}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Created:
		return State{
			Project: e.Project, Key: e.Key, Name: e.Name, Description: e.Description, Type: e.Type,
			Variants: e.Variants, Default: e.Default, Off: e.Off,
		}
	case Described:
		s.Name, s.Description = e.Name, e.Description
	case VariantsChanged:
		s.Variants = e.Variants
	case MetadataChanged:
		s.Metadata = e.Metadata
	case TurnedOn:
		return setting(s, e.Environment, func(in *Environment) { in.On = true })
	case TurnedOff:
		return setting(s, e.Environment, func(in *Environment) { in.On = false })
	case TargetingChanged:
		return setting(s, e.Environment, func(in *Environment) { in.Targeting = e.Targeting })
	case ExperimentAttached:
		return setting(s, e.Environment, func(in *Environment) {
			in.Experiment = &Attachment{Experiment: e.Experiment, Unit: e.Unit, Split: e.Split, Layer: e.Layer, Within: e.Within}
		})
	case ExperimentDetached:
		return setting(s, e.Environment, func(in *Environment) { in.Experiment = nil })
	case Archived:
		s.Archived = true
	case Restored:
		s.Archived = false
	}
	return s
}

// setting returns the state with one environment changed; states handed out before stay as they were.
func setting(s State, environment domain.EnvironmentKey, change func(*Environment)) State {
	in := s.In(environment)
	change(&in)
	i, there := s.find(environment)
	all := slices.Clone(s.Environments)
	if there {
		all[i].Environment = in
	} else {
		all = slices.Insert(all, i, Setting{Key: environment, Environment: in})
	}
	s.Environments = all
	return s
}
