package segment

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/assayhq/assay/domain"
)

const (
	maxRules       = 100
	maxAttribute   = 256
	maxID          = 512
	maxListed      = 1_000_000
	maxAtOnce      = 20_000
	maxBytesAtOnce = 512 << 10
)

// Aggregate is the law of segments. Streams: segment-<project>.<key>.
var Aggregate = domain.Aggregate[State, Command, Event]{
	Decider:  domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve},
	Category: "segment",
	Encode:   encode,
	Decode:   wire.Decode,
}

func decide(s State, c Command, _ domain.Envelope) ([]Event, error) {
	if c, ok := c.(Create); ok {
		return create(s, c)
	}
	if !s.Exists() {
		return nil, domain.NotFound("there is no such segment; create it first")
	}
	_, archiving := c.(Archive)
	_, restoring := c.(Restore)
	if s.Archived && !archiving && !restoring {
		return nil, domain.WrongState("the segment is archived; restore it before changing it").WithCode("archived")
	}
	switch c := c.(type) {
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
	case Describe:
		return describe(s, c)
	case ChangeRules:
		return changeRules(s, c)
	case AddIDs:
		return addIDs(s, c)
	case RemoveIDs:
		return removeIDs(s, c)
	default:
		return nil, domain.Invalid("", "segments know no command %T", c)
	}
}

// Salt is what the slices in a segment's rules are salted with.
func Salt(project domain.ProjectKey, key domain.SegmentKey) string {
	return fmt.Sprintf("%s.segment/%s/", project, key)
}

func create(s State, c Create) ([]Event, error) {
	if s.Exists() {
		return nil, domain.Exists("there is a segment %q already; choose another key, keys of archived segments stay taken", s.Key)
	}
	if err := domain.At("/project", domain.CheckProjectKey("project", c.Project)); err != nil {
		return nil, err
	}
	if err := domain.CheckBroughtKey("segment", c.Key); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = string(c.Key)
	}
	if err := domain.CheckNaming(c.Name, c.Description); err != nil {
		return nil, err
	}
	if err := domain.CheckText("/by", "attribute", c.By, false, maxAttribute); err != nil {
		return nil, err
	}
	rules, err := checkRules(State{Project: c.Project, Key: c.Key}, c.Rules)
	if err != nil {
		return nil, err
	}
	c.Rules = rules
	return []Event{Created(c)}, nil
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

func changeRules(s State, c ChangeRules) ([]Event, error) {
	rules, err := checkRules(s, c.Rules)
	if err != nil {
		return nil, err
	}
	if reflect.DeepEqual(rules, s.Rules) {
		return nil, nil
	}
	return []Event{RulesChanged{Rules: rules}}, nil
}

// checkRules returns the rules named and their conditions completed.
func checkRules(s State, rules []Rule) ([]Rule, error) {
	if len(rules) == 0 {
		return nil, nil
	}
	if len(rules) > maxRules {
		return nil, domain.Invalid("/rules", "a segment has at most %d rules, this one %d; join some", maxRules, len(rules)).WithCode("too_many_rules")
	}
	rules = slices.Clone(rules)
	taken := map[string]bool{}
	for i := range rules {
		at := fmt.Sprintf("/rules/%d", i)
		r := &rules[i]
		if r.ID == "" {
			r.ID = freeID(rules)
		}
		if err := domain.At(at+"/id", domain.CheckKey("rule", r.ID)); err != nil {
			return nil, err
		}
		if taken[r.ID] {
			return nil, domain.Invalid(at+"/id", "the rule id %q is there twice; ids are unique", r.ID).WithCode("duplicate_rule")
		}
		taken[r.ID] = true
		if err := domain.CheckText(at+"/description", "description", r.Description, false, domain.MaxDescription); err != nil {
			return nil, err
		}
		conditions := domain.ConditionChecker{Salt: Salt(s.Project, s.Key), NoFlags: true}
		checked, err := conditions.Check(r.If, at+"/if")
		if err != nil {
			return nil, err
		}
		r.If = checked
		if _, asked := domain.Asked(r.If...); slices.Contains(asked, s.Key) {
			return nil, domain.Invalid(at+"/if", "a segment cannot ask for itself; leave that condition out").WithCode("circle")
		}
	}
	return rules, nil
}

// freeID is the first "rule-N" that no rule has.
func freeID(rules []Rule) string {
	for n := 1; ; n++ {
		id := fmt.Sprintf("rule-%d", n)
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == id }) {
			return id
		}
	}
}

func checkIDs(list List, ids []string) error {
	if list != Included && list != Excluded {
		return domain.Invalid("/list", "a segment has the lists included and excluded, not %q", list).WithCode("unknown_list")
	}
	if len(ids) > maxAtOnce {
		return domain.Invalid("/ids", "at most %d ids are taken at once, these are %d; send them in parts", maxAtOnce, len(ids)).WithCode("too_many_ids")
	}
	size := 0
	for i, id := range ids {
		if err := domain.CheckText(fmt.Sprintf("/ids/%d", i), "unit id", id, true, maxID); err != nil {
			return err
		}
		if size += len(id) + 3; size > maxBytesAtOnce {
			return domain.Invalid("/ids", "ids of at most %d bytes together are taken at once; send them in parts", maxBytesAtOnce).WithCode("too_many_ids")
		}
	}
	return nil
}

func addIDs(s State, c AddIDs) ([]Event, error) {
	if err := checkIDs(c.List, c.IDs); err != nil {
		return nil, err
	}
	var out []Event
	now := *s.list(c.List)
	on := map[string]struct{}{}
	if !c.Only {
		on = now.Set()
	} else if now.Count > 0 {
		out = append(out, ListCleared{List: c.List})
	}
	before := len(on)
	var added []string
	for _, id := range c.IDs {
		if _, there := on[id]; !there {
			on[id] = struct{}{}
			added = append(added, id)
		}
	}
	if before+len(added) > maxListed {
		return nil, domain.Invalid("/ids", "a list has at most %d ids, this one would have %d; describe them by a rule", maxListed, before+len(added)).WithCode("list_full")
	}
	if len(added) == 0 {
		return out, nil
	}
	other := Excluded
	if c.List == Excluded {
		other = Included
	}
	left, err := removeIDs(s, RemoveIDs{List: other, IDs: added})
	return append(append(out, IDsAdded{List: c.List, IDs: added, Count: len(on)}), left...), err
}

func removeIDs(s State, c RemoveIDs) ([]Event, error) {
	if err := checkIDs(c.List, c.IDs); err != nil {
		return nil, err
	}
	now := *s.list(c.List)
	if now.Count == 0 {
		return nil, nil
	}
	on := now.Set()
	var removed []string
	for _, id := range c.IDs {
		if _, there := on[id]; there {
			delete(on, id)
			removed = append(removed, id)
		}
	}
	if len(removed) == 0 {
		return nil, nil
	}
	return []Event{IDsRemoved{List: c.List, IDs: removed, Count: len(on)}}, nil
}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Created:
		return State{Project: e.Project, Key: e.Key, Name: e.Name, Description: e.Description, By: e.By, Rules: e.Rules}
	case Described:
		s.Name, s.Description = e.Name, e.Description
	case RulesChanged:
		s.Rules = e.Rules
	case IDsAdded:
		changeList(s.list(e.List), Change{IDs: e.IDs}, e.Count)
	case IDsRemoved:
		changeList(s.list(e.List), Change{IDs: e.IDs, Gone: true}, e.Count)
	case ListCleared:
		*s.list(e.List) = IDs{}
	case Archived:
		s.Archived = true
	case Restored:
		s.Archived = false
	}
	return s
}

// changeList leaves lists that were handed out before as they are. Without ids, only the count changes.
func changeList(l *IDs, c Change, count int) {
	l.Count = count
	if len(c.IDs) > 0 {
		l.Changes = append(slices.Clip(l.Changes), c)
	}
}
