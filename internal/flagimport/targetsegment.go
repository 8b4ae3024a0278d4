package flagimport

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/assayhq/assay/internal/client"
)

// list is a segment's list of units as it shall be.
type list struct {
	name string
	ids  []string
}

func (t Target) planSegment(ctx context.Context, s Segment) (Change, error) {
	var have struct {
		Rules    []SegmentRule `json:"rules"`
		Name     string        `json:"name"`
		Included int           `json:"included"`
		Excluded int           `json:"excluded"`
	}
	c := Change{Segment: s.Key, segment: s, What: Nothing, patch: map[string]any{}}
	_, err := t.Client.Do(ctx, client.Request{Path: t.path("segments", s.Key)}, &have)
	if isMissing(err, "segment") {
		c.What = Create
		c.Details = []string{fmt.Sprintf("%d rules, %d units included, %d excluded", len(s.Rules), len(s.Included), len(s.Excluded))}
		c.lists = []list{{"included", s.Included}, {"excluded", s.Excluded}}
		return c, nil
	} else if err != nil {
		return c, err
	}
	if details := differences("rules", have.Rules, s.Rules); len(details) > 0 {
		c.patch["rules"] = s.Rules
		c.Details = append(c.Details, details...)
	}
	for _, l := range []struct {
		list
		have int
	}{{list{"included", s.Included}, have.Included}, {list{"excluded", s.Excluded}, have.Excluded}} {
		more, less, err := t.compareList(ctx, s.Key, l.list, l.have)
		if err != nil {
			return c, err
		}
		if more+less > 0 {
			c.lists = append(c.lists, l.list)
			c.Details = append(c.Details, fmt.Sprintf("%s: %d units more, %d less", l.name, more, less))
		}
	}
	if len(c.Details) > 0 {
		c.What = Alter
	}
	return c, nil
}

// compareList counts the units that come onto a list, and those that leave it.
func (t Target) compareList(ctx context.Context, segment string, l list, have int) (more, less int, err error) {
	on := map[string]bool{}
	for after := ""; have > 0; {
		var page struct {
			IDs   []string `json:"ids"`
			After string   `json:"after"`
		}
		query := url.Values{"list": {l.name}, "limit": {"10000"}}
		if after != "" {
			query.Set("after", after)
		}
		if _, err := t.Client.Do(ctx, client.Request{Path: t.path("segments", segment) + "/ids", Query: query}, &page); err != nil {
			return 0, 0, err
		}
		for _, id := range page.IDs {
			on[id] = true
		}
		if after = page.After; after == "" {
			break
		}
	}
	for _, id := range l.ids {
		if there := on[id]; !there {
			more++
		}
		delete(on, id)
	}
	return more, len(on), nil
}

func (t Target) applySegment(ctx context.Context, c Change) error {
	if c.What == Create {
		body := map[string]any{"key": c.Segment, "rules": c.segment.Rules, "reason": t.Reason}
		if c.segment.Name != "" {
			body["name"] = c.segment.Name
		}
		if c.segment.Description != "" {
			body["description"] = c.segment.Description
		}
		if err := t.create(ctx, "segments", c.Segment, body); err != nil {
			return err
		}
	} else if len(c.patch) > 0 {
		if err := t.change(ctx, t.path("segments", c.Segment), c.patch); err != nil {
			return err
		}
	}
	for _, l := range c.lists {
		if err := t.replace(ctx, c.Segment, l, c.What == Alter); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how many units, and how many bytes of them, are sent at once.
const (
	atOnce      = 10_000
	bytesAtOnce = 256 << 10
)

// replace puts units on a list, instead of those that are on it.
func (t Target) replace(ctx context.Context, segment string, l list, replace bool) error {
	rest := l.ids
	for len(rest) > 0 || replace {
		n, size := 0, 0
		for n < len(rest) && n < atOnce && size < bytesAtOnce {
			size += len(rest[n]) + 3
			n++
		}
		body := map[string]any{"list": l.name, "add": slices.Clone(rest[:n]), "reason": t.Reason}
		if replace {
			body["replace"] = true
		}
		r := client.Request{Method: http.MethodPost, Path: t.path("segments", segment) + "/ids", Body: body, Header: http.Header{"If-Match": {"*"}}}
		if _, err := t.Client.Do(ctx, r, nil); err != nil {
			return err
		}
		rest, replace = rest[n:], false
	}
	return nil
}
