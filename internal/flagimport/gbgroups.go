package flagimport

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/assayhq/assay/flags"
)

// gbGroup is a saved group: a list of values of an attribute, or a condition. In older payloads it is the list alone.
type gbGroup struct {
	Type         string          `json:"type"`
	AttributeKey *string         `json:"attributeKey"`
	Values       []any           `json:"values"`
	Condition    json.RawMessage `json:"condition"`
}

func (g gbGroups) group(id string) (group gbGroup, there bool, err error) {
	text, there := g.all[id]
	if !there {
		return group, false, nil
	}
	if json.Unmarshal(text, &group.Values) == nil && group.Values != nil {
		group.Type = "list"
		return group, true, nil
	}
	if err := json.Unmarshal(text, &group); err != nil || group.Type != "list" && group.Type != "condition" {
		return group, true, fmt.Errorf("asks for the saved group %s, which is none that this import knows", id)
	}
	return group, true, nil
}

// inGroup holds where the attribute is in the list of a saved group; a group that is not there is empty.
func (g gbGroups) inGroup(at where, name string, argument any) (flags.Condition, error) {
	id, is := argument.(string)
	if !is {
		return never(), fmt.Errorf("has %s of something else than the id of a group", name)
	}
	group, _, err := g.group(id)
	if err == nil && group.Type == "condition" {
		err = fmt.Errorf("asks for %s in the saved group %s, which is a condition and no list", at.attribute, id)
	}
	if err != nil {
		return never(), err
	}
	return negatedIf(name == "$notInGroup", g.list(at, id, group.Values)), nil
}

// list holds where the attribute is in the list. A list of unit ids is a segment here.
func (g gbGroups) list(at where, id string, values []any) flags.Condition {
	if at.attribute != theKey.attribute || !ruleID.MatchString(id) || len(values) == 0 {
		return gbIn(at, values, false)
	}
	var ids []string
	for _, v := range values {
		if text, is := v.(string); is { // an id is a text, so no other value is one
			ids = append(ids, text)
		}
	}
	return g.segment(Segment{Key: id, Description: "A saved group of GrowthBook's.", Rules: []SegmentRule{}, Included: unique(ids, nil)})
}

// segment is made once.
func (g gbGroups) segment(s Segment) flags.Condition {
	if g.made[s.Key] == nil {
		g.made[s.Key] = &s
	}
	return flags.Condition{Segments: []string{s.Key}}
}

// savedGroup holds for the members of a saved group.
func (g gbGroups) savedGroup(argument any) (flags.Condition, error) {
	reference, _ := argument.(map[string]any)
	id, is := reference["id"].(string)
	if !is {
		return never(), nil
	}
	group, there, err := g.group(id)
	if err != nil || !there {
		return never(), err
	}
	if slices.Contains(g.path, id) {
		return never(), fmt.Errorf("asks for the saved group %s, which leads back to itself", id)
	}
	if group.Type == "condition" {
		g.path = append(slices.Clone(g.path), id)
		c, err := g.condition(group.Condition)
		if err != nil || isAlways(c) || isNever(c) || !ruleID.MatchString(id) {
			return c, err
		}
		return g.segment(Segment{Key: id, Description: "A saved group of GrowthBook's.", Rules: []SegmentRule{{ID: "group", If: conditions(c)}}}), nil
	}
	name, overridden := reference["attributeKey"].(string)
	if _, given := reference["attributeKey"]; given && !overridden {
		return never(), nil
	}
	if !overridden {
		if group.AttributeKey == nil {
			return never(), nil
		}
		name = *group.AttributeKey
	}
	at, err := gbAttribute(name)
	if err != nil {
		return never(), err
	}
	return g.list(at, id, group.Values), nil
}
