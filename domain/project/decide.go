package project

import (
	"fmt"
	"slices"

	"github.com/assayhq/assay/domain"
)

const (
	maxEnvironments = 50
)

// Aggregate is the law of projects. Streams: project-<key>.
var Aggregate = domain.Aggregate[State, Command, Event]{
	Decider:  domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve},
	Category: "project",
	Encode:   encode,
	Decode:   wire.Decode,
}

func decide(s State, c Command, _ domain.Envelope) ([]Event, error) {
	if c, ok := c.(Create); ok {
		return create(s, c)
	}
	if !s.Exists() {
		return nil, domain.NotFound("there is no such project; create it first")
	}
	switch c := c.(type) {
	case Describe:
		return describe(s, c)
	case AddEnvironment:
		return addEnvironment(s, c)
	default:
		return nil, domain.Invalid("", "projects know no command %T", c)
	}
}

func create(s State, c Create) ([]Event, error) {
	if s.Exists() {
		return nil, domain.Exists("there is a project %q already; choose another key", s.Key)
	}
	if err := domain.CheckProjectKey("project", c.Key); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = string(c.Key)
	}
	if err := domain.CheckNaming(c.Name, c.Description); err != nil {
		return nil, err
	}
	if len(c.Environments) == 0 {
		c.Environments = []Environment{{Key: "production", Name: "Production"}, {Key: "staging", Name: "Staging"}}
	}
	if len(c.Environments) > maxEnvironments {
		return nil, domain.Invalid("/environments", "a project has at most %d environments; leave some out", maxEnvironments).WithCode("too_many_environments")
	}
	var environments []Environment
	for i, e := range c.Environments {
		e, err := checkEnvironment(environments, e, fmt.Sprintf("/environments/%d", i))
		if err != nil {
			return nil, err
		}
		environments = append(environments, e)
	}
	switch c.UnitIDs {
	case "":
		c.UnitIDs = Hashed
	case Hashed, Raw:
	default:
		return nil, domain.Invalid("/unit_ids", "unit ids are kept hashed or raw, not %q", c.UnitIDs).WithCode("unknown_unit_ids")
	}
	return []Event{Created{Key: c.Key, Name: c.Name, Description: c.Description, Environments: environments, UnitIDs: c.UnitIDs}}, nil
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

func addEnvironment(s State, c AddEnvironment) ([]Event, error) {
	if len(s.Environments) >= maxEnvironments {
		return nil, domain.Invalid("/environments", "a project has at most %d environments; leave some out", maxEnvironments).WithCode("too_many_environments")
	}
	e, err := checkEnvironment(s.Environments, c.Environment, "")
	if err != nil {
		return nil, err
	}
	return []Event{EnvironmentAdded{Environment: e}}, nil
}

func checkEnvironment(existing []Environment, e Environment, pointer string) (Environment, error) {
	if err := domain.CheckProjectKey("environment", e.Key); err != nil {
		return e, domain.At(pointer+"/key", err)
	}
	if slices.ContainsFunc(existing, func(o Environment) bool { return o.Key == e.Key }) {
		return e, domain.At(pointer+"/key", domain.Exists("the project has an environment %q already; choose another key", e.Key))
	}
	if e.Name == "" {
		e.Name = string(e.Key)
	}
	return e, domain.CheckText(pointer+"/name", "environment's name", e.Name, true, domain.MaxName)
}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Created:
		return State(e)
	case Described:
		s.Name, s.Description = e.Name, e.Description
	case EnvironmentAdded:
		s.Environments = append(slices.Clip(s.Environments), e.Environment)
	}
	return s
}
