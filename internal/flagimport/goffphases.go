package flagimport

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/assayhq/assay/flags"
)

// goffStep changes parts of a flag from an instant on.
type goffStep struct {
	Date            *time.Time                 `json:"date"`
	Variations      map[string]json.RawMessage `json:"variations"`
	Targeting       []goffRule                 `json:"targeting"`
	DefaultRule     goffRule                   `json:"defaultRule"`
	Disable         *bool                      `json:"disable"`
	Experimentation *goffPeriod                `json:"experimentation"`
}

// goffPhase is a flag as it is from one step to the next.
type goffPhase struct {
	goffFlag
	since time.Time // the zero time for the first
}

func (p *goffPhase) off() bool { return p.Disable != nil && *p.Disable }

// phases are what the flag is now, and what it will be.
func (f goffFlag) phases(now time.Time) ([]goffPhase, error) {
	steps := slices.DeleteFunc(slices.Clone(f.Scheduled), func(s goffStep) bool { return s.Date == nil })
	slices.SortStableFunc(steps, func(a, b goffStep) int { return a.Date.Compare(*b.Date) })
	out := []goffPhase{{goffFlag: f}}
	for _, s := range steps {
		last := &out[len(out)-1]
		next := goffPhase{goffFlag: last.changed(s), since: *s.Date}
		if !s.Date.After(now) || s.Date.Equal(last.since) {
			next.since = last.since
			if !s.Date.After(now) {
				next.since = time.Time{}
			}
			*last = next
			continue
		}
		out = append(out, next)
	}
	if len(out) > maxPhases {
		return nil, errors.New("it has more scheduled steps ahead of it than an import takes")
	}
	return out, nil
}

const maxPhases = 20

// lasts holds during a phase.
func (c *goffConverter) lasts(phases []goffPhase, i int) flags.Condition {
	out := always()
	if i > 0 {
		out = c.after(phases[i].since, c.now)
	}
	if i+1 < len(phases) {
		out = allOf(out, not(c.after(phases[i+1].since, c.now)))
	}
	return out
}

// changed is the flag after a step. Rules are found by their names.
func (f goffFlag) changed(s goffStep) goffFlag {
	f.Targeting = slices.Clone(f.Targeting)
	var merged []string
	for i := range f.Targeting {
		name := f.Targeting[i].Name
		at := slices.IndexFunc(s.Targeting, func(u goffRule) bool { return u.Name == name && name != "" })
		if at >= 0 {
			f.Targeting[i] = f.Targeting[i].changed(s.Targeting[at])
			merged = append(merged, name)
		}
	}
	for _, u := range s.Targeting {
		if !slices.Contains(merged, u.Name) {
			f.Targeting = append(f.Targeting, u)
		}
	}
	f.DefaultRule = f.DefaultRule.changed(s.DefaultRule)
	if s.Disable != nil {
		f.Disable = s.Disable
	}
	if s.Experimentation != nil {
		if s.Experimentation.Start != nil {
			f.Experimentation.Start = s.Experimentation.Start
		}
		if s.Experimentation.End != nil {
			f.Experimentation.End = s.Experimentation.End
		}
	}
	f.Variations = maps.Clone(f.Variations)
	maps.Copy(f.Variations, s.Variations)
	return f
}

// changed is the rule with what an update of it says.
func (r goffRule) changed(u goffRule) goffRule {
	if u.Disable != nil {
		r.Disable = u.Disable
	}
	if u.Query != nil {
		r.Query = u.Query
	}
	if u.Variation != nil {
		r.Variation = u.Variation
	}
	if u.Progressive != nil {
		p := goffProgressive{}
		if r.Progressive != nil {
			p = *r.Progressive
		}
		p.Initial, p.End = p.Initial.changed(u.Progressive.Initial), p.End.changed(u.Progressive.End)
		r.Progressive = &p
	}
	if u.Percentage != nil {
		r.Percentage = maps.Clone(r.Percentage)
		if r.Percentage == nil {
			r.Percentage = map[string]float64{}
		}
		for name, percentage := range u.Percentage {
			if r.Percentage[name] = percentage; percentage < 0 {
				delete(r.Percentage, name)
			}
		}
	}
	return r
}

func (p goffPoint) changed(u goffPoint) goffPoint {
	if u.Variation != nil {
		p.Variation = u.Variation
	}
	if u.Date != nil {
		p.Date = u.Date
	}
	if u.Percentage != nil {
		p.Percentage = u.Percentage
	}
	return p
}
