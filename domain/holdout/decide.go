package holdout

import (
	"fmt"

	"github.com/assayhq/assay/domain"
)

// Aggregate is the law of holdouts. Streams: holdout-<project>.<key>.
var Aggregate = domain.Aggregate[State, Command, Event]{
	Decider:  domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve},
	Category: "holdout",
	Encode:   encode,
	Decode:   wire.Decode,
}

func decide(s State, c Command, _ domain.Envelope) ([]Event, error) {
	if c, ok := c.(Create); ok {
		return create(s, c)
	}
	if !s.Exists() {
		return nil, domain.NotFound("there is no such holdout; create it first")
	}
	switch c := c.(type) {
	case Describe:
		return describe(s, c)
	case ChangeShare:
		return changeShare(s, c)
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
		return nil, domain.Invalid("", "holdouts know no command %T", c)
	}
}

// Salt is what a holdout is salted with unless it says otherwise.
func Salt(project domain.ProjectKey, key domain.HoldoutKey) string {
	return fmt.Sprintf("%s.holdout/%s/", project, key)
}

func create(s State, c Create) ([]Event, error) {
	if s.Exists() {
		return nil, domain.Exists("there is a holdout %q already; choose another key", s.Key)
	}
	if err := domain.At("/project", domain.CheckProjectKey("project", c.Project)); err != nil {
		return nil, err
	}
	if err := domain.CheckKey("holdout", c.Key); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = string(c.Key)
	}
	if err := domain.CheckNaming(c.Name, c.Description); err != nil {
		return nil, err
	}
	b, err := domain.CheckBucketing(domain.Bucketing{Algorithm: c.Algorithm, Salt: c.Salt, By: c.By, Total: c.Total}, Salt(c.Project, c.Key), "")
	if err != nil {
		return nil, err
	}
	c.Algorithm, c.Salt, c.Total = b.Algorithm, b.Salt, b.Total
	if err := checkShare(c.Share, c.Total); err != nil {
		return nil, err
	}
	return []Event{Created(c)}, nil
}

func checkShare(share, total domain.Weight) error {
	if share > total {
		return domain.Invalid("/share", "a holdout holds 0 to %d back, not %d", total, share).WithCode("bad_share")
	}
	return nil
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

func changeShare(s State, c ChangeShare) ([]Event, error) {
	if s.Archived {
		return nil, domain.WrongState("the holdout is archived; restore it before changing it").WithCode("archived")
	}
	if err := checkShare(c.Share, s.Total); err != nil {
		return nil, err
	}
	if c.Share == s.Share {
		return nil, nil
	}
	return []Event{ShareChanged(c)}, nil
}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Created:
		return State{
			Project: e.Project, Key: e.Key, Name: e.Name, Description: e.Description, By: e.By, Algorithm: e.Algorithm, Salt: e.Salt,
			Total: e.Total, Share: e.Share,
		}
	case Described:
		s.Name, s.Description = e.Name, e.Description
	case ShareChanged:
		s.Share = e.Share
	case Archived:
		s.Archived = true
	case Restored:
		s.Archived = false
	}
	return s
}
