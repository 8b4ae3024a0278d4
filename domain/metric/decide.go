package metric

import "github.com/assayhq/assay/domain"

const (
	maxUnit  = 40
	maxEvent = 256
)

// Aggregate is the law of metrics. Streams: metric-<project>.<key>.
var Aggregate = domain.Aggregate[State, Command, Event]{
	Decider:  domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve},
	Category: "metric",
	Encode:   encode,
	Decode:   wire.Decode,
}

func decide(s State, c Command, _ domain.Envelope) ([]Event, error) {
	if c, ok := c.(Create); ok {
		return create(s, c)
	}
	if !s.Exists() {
		return nil, domain.NotFound("there is no such metric; create it first")
	}
	switch c := c.(type) {
	case Describe:
		return describe(s, c)
	case Archive:
		if s.Archived {
			return nil, nil
		}
		return []Event{Archived{}}, nil
	case Restore:
		if !s.Archived {
			return nil, nil
		}
		return []Event{Restored{}}, nil
	default:
		return nil, domain.Invalid("", "metrics know no command %T", c)
	}
}

func create(s State, c Create) ([]Event, error) {
	if s.Exists() {
		return nil, domain.Exists("there is a metric %q already; choose another key", s.Key)
	}
	if err := domain.At("/project", domain.CheckProjectKey("project", c.Project)); err != nil {
		return nil, err
	}
	if err := domain.CheckKey("metric", c.Key); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = string(c.Key)
	}
	if err := domain.CheckNaming(c.Name, c.Description); err != nil {
		return nil, err
	}
	c.Definition = complete(c.Definition)
	if err := checkDefinition(c.Definition); err != nil {
		return nil, err
	}
	return []Event{Created{Project: c.Project, Key: c.Key, Name: c.Name, Description: c.Description, Definition: c.Definition}}, nil
}

func describe(s State, c Describe) ([]Event, error) {
	if s.Archived {
		return nil, domain.WrongState("the metric is archived; restore it before changing it").WithCode("archived")
	}
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

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Created:
		return State{Project: e.Project, Key: e.Key, Name: e.Name, Description: e.Description, Definition: e.Definition}
	case Described:
		s.Name, s.Description = e.Name, e.Description
	case Archived:
		s.Archived = true
	case Restored:
		s.Archived = false
	}
	return s
}
