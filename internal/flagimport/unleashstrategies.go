package flagimport

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/assayhq/assay/flags"
)

var errNoSegment = errors.New("asks for a segment that is not there")

// strategy holds for those for whom the strategy enables the feature.
func (u *unleashImport) strategy(feature string, s unleashStrategy) (flags.Condition, error) {
	all := []flags.Condition{}
	for _, id := range s.Segments {
		c, err := u.segment(feature, id)
		if err != nil {
			return never(), err
		}
		all = append(all, c)
	}
	for _, c := range s.Constraints {
		condition, err := u.constraint(feature, c)
		if err != nil {
			return never(), err
		}
		all = append(all, condition)
	}
	own, err := u.activates(feature, s)
	return allOf(append(all, own)...), err
}

// segment holds for those who meet the segment's constraints. It is a segment here, unless it asks for the time.
func (u *unleashImport) segment(feature string, id int) (flags.Condition, error) {
	s := u.segments[id]
	switch {
	case s == nil:
		return never(), errNoSegment
	case s.Constraints == nil:
		return never(), fmt.Errorf("asks for the segment %s, whose constraints the export leaves out; add them to its entry among segments", s.Name)
	}
	all := []flags.Condition{}
	for _, c := range *s.Constraints {
		condition, err := u.constraint(feature, c)
		if err != nil {
			return never(), fmt.Errorf("asks for the segment %s, which %w", s.Name, err)
		}
		all = append(all, condition)
	}
	condition := allOf(all...)
	if timed, _ := asked([]flags.Condition{condition}); len(timed) > 0 || isAlways(condition) || isNever(condition) {
		return condition, nil
	}
	key := fmt.Sprintf("segment-%d", id)
	for _, have := range u.out.Segments {
		if have.Key == key {
			return flags.Condition{Segments: []string{key}}, nil
		}
	}
	u.out.Segments = append(u.out.Segments, Segment{
		Key: key, Name: s.Name, Description: "A segment of Unleash's.", Rules: []SegmentRule{{ID: "constraints", If: conditions(condition)}},
	})
	return flags.Condition{Segments: []string{key}}, nil
}

// activates is what a strategy asks for besides its constraints.
func (u *unleashImport) activates(feature string, s unleashStrategy) (flags.Condition, error) {
	text := func(name string) string { t, _ := s.Parameters[name].(string); return t }
	switch s.Name {
	case "default":
		return always(), nil
	case "userWithId":
		return unleashUsers(text("userIds")), nil
	case "flexibleRollout":
		return u.rollout(feature, s)
	case "gradualRolloutUserId", "gradualRolloutSessionId":
		percentage, err := percentageOf(s.Parameters["percentage"])
		by := ""
		if s.Name == "gradualRolloutSessionId" {
			by = sessionID
		}
		return u.part(orElse(text("groupId"), feature), by, percentage), err
	case "gradualRolloutRandom":
		if percentage, err := percentageOf(s.Parameters["percentage"]); err != nil || percentage >= 100 {
			return always(), err
		}
		return never(), errors.New("is sticky to nothing; here a unit keeps what it gets")
	case "remoteAddress":
		return where{attribute: remoteAddress}.isIn(text("IPs")), nil
	case "applicationHostname":
		u.out.note(feature, "looks at the name of the host that the SDK runs on; send it as the attribute hostname")
		var hosts []any
		for h := range strings.SplitSeq(text("hostNames"), ",") {
			hosts = append(hosts, h)
		}
		return ignoringCase(where{attribute: "hostname"}.is(flags.In, hosts...)), nil
	}
	return never(), fmt.Errorf("is %s, which has no equal here", s.Name)
}

// What Unleash's contexts have besides the user id.
const (
	sessionID     = "sessionId"
	remoteAddress = "remoteAddress"
)

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// unleashUsers are those listed. An entry that is empty matches whoever has no user id.
func unleashUsers(list string) flags.Condition {
	if list == "" {
		return never()
	}
	var ids []any
	missing := never()
	for id := range strings.SplitSeq(list, ",") {
		if id = strings.TrimSpace(id); id == "" {
			missing = theKey.is(flags.NotExists)
			continue
		}
		ids = append(ids, id)
	}
	return anyOf(theKey.is(flags.In, ids...), missing)
}

// isIn holds for addresses of the list, which has networks, too. What is none of both matches nothing.
func (w where) isIn(list string) flags.Condition {
	var networks []any
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		_, notAddress := netip.ParseAddr(text)
		_, notPrefix := netip.ParsePrefix(text)
		if notAddress == nil || notPrefix == nil {
			networks = append(networks, text)
		}
	}
	if len(networks) == 0 {
		return never()
	}
	return w.is(flags.InNetwork, networks...)
}

// percentageOf is the whole percentage that decides: a unit's number is whole.
func percentageOf(parameter any) (int, error) {
	p, err := strconv.ParseFloat(fmt.Sprint(parameter), 64)
	if err != nil || math.IsNaN(p) {
		return 0, fmt.Errorf("has the rollout %v, which is no percentage", parameter)
	}
	return int(min(max(math.Floor(p), 0), 100)), nil
}

func (u *unleashImport) rollout(feature string, s unleashStrategy) (flags.Condition, error) {
	percentage, err := percentageOf(s.Parameters["rollout"])
	if err != nil {
		return never(), err
	}
	group, _ := s.Parameters["groupId"].(string)
	group = orElse(group, feature)
	switch by, _ := s.Parameters["stickiness"].(string); by {
	case "", "default":
		if percentage == 100 {
			return always(), nil // also for those who have no id
		}
		return anyOf(
			u.part(group, "", percentage),
			allOf(theKey.is(flags.NotExists), u.part(group, sessionID, percentage)),
		), nil
	case "random":
		if percentage == 100 {
			return always(), nil
		}
		return never(), errors.New("is sticky to nothing; here a unit keeps what it gets")
	case "userId":
		return u.part(group, "", percentage), nil
	default:
		return u.part(group, by, percentage), nil
	}
}

// part holds for the first units of a group.
func (u *unleashImport) part(group, by string, percentage int) flags.Condition {
	return slice(flags.Slice{Algorithm: flags.UnleashRolloutV1, Salt: group, Total: 100, By: by, Strings: u.reading()}, 0, percentage)
}

// reading is how unit ids are read: as UTF-8, unless the SDKs in use read otherwise.
func (u *unleashImport) reading() string {
	if u.options.IDs == UTF8 {
		return ""
	}
	return u.options.IDs
}
