package flagimport

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/client"
)

// Target is where flags go.
type Target struct {
	Client               *client.Client
	Project, Environment string
	Reason               string
}

// What an import does to a flag or a segment.
const (
	Create  = "create"
	Alter   = "change"
	Nothing = "nothing"
)

// Change is what an import does to one flag, or to one segment.
type Change struct {
	Flag    string   `json:"flag,omitempty"`
	Segment string   `json:"segment,omitempty"`
	What    string   `json:"what"` // Create, Alter, Nothing
	Details []string `json:"details,omitempty"`

	flag    Flag
	segment Segment
	patch   map[string]any // of the flag's environment, or of the segment
	lists   []list         // of the segment
	whole   map[string]any // of the flag, whatever the environment
}

// Name is the key of the flag, or "segment" and the key of the segment.
func (c Change) Name() string {
	if c.Segment != "" {
		return "segment " + c.Segment
	}
	return c.Flag
}

// Plan compares with what the server has: segments first, because flags ask for them. What cannot be changed into what the
// import brings is a problem.
func (t Target) Plan(ctx context.Context, m Import) (changes []Change, problems []Problem, err error) {
	for _, s := range m.Segments {
		c, err := t.planSegment(ctx, s)
		if err != nil {
			return nil, nil, err
		}
		changes = append(changes, c)
	}
	for _, f := range m.Flags {
		c, why, err := t.planFlag(ctx, f)
		switch {
		case err != nil:
			return nil, nil, err
		case why != "":
			problems = append(problems, Problem{f.Key, why})
		default:
			changes = append(changes, c)
		}
	}
	return changes, problems, nil
}

func (t Target) planFlag(ctx context.Context, f Flag) (c Change, why string, err error) {
	var have struct {
		Variants     []Variant                 `json:"variants"`
		Type         string                    `json:"type"`
		Archived     bool                      `json:"archived"`
		Metadata     any                       `json:"metadata"`
		Environments map[string]map[string]any `json:"environments"`
	}
	c = Change{Flag: f.Key, flag: f, patch: settingOf(f.Setting)}
	_, err = t.Client.Do(ctx, client.Request{Path: t.path("flags", f.Key)}, &have)
	switch {
	case isMissing(err, "flag"):
		c.What = Create
		c.Details = described(f)
		return c, "", nil
	case err != nil:
		return c, "", err
	case have.Archived:
		return c, "there is an archived flag of this key; restore it, and import again", nil
	case have.Type != f.Type:
		return c, fmt.Sprintf("there is a flag of this key whose type is %s, and the type of a flag never changes; the import's is %s", have.Type, f.Type), nil
	}
	now := have.Environments[t.Environment]
	for _, name := range []string{"on", "rules", "logic", "default", "off"} {
		if details := differences(name, now[name], c.patch[name]); len(details) > 0 {
			c.Details = append(c.Details, details...)
		} else {
			delete(c.patch, name)
		}
	}
	// Variants that the import does not have stay: another environment may serve them.
	c.flag.Variants = union(f.Variants, have.Variants)
	c.whole = map[string]any{}
	if !same(have.Variants, c.flag.Variants) {
		c.whole["variants"] = c.flag.Variants
		c.Details = append(c.Details, variantDifferences(have.Variants, c.flag.Variants)...)
	}
	if details := differences("metadata", have.Metadata, f.Metadata); f.Metadata != nil && len(details) > 0 {
		c.whole["metadata"] = f.Metadata
		c.Details = append(c.Details, details...)
	}
	c.What = Alter
	if len(c.Details) == 0 {
		c.What = Nothing
	}
	return c, "", nil
}

// settingOf is what PATCH of an environment takes. Without logic it takes away what there was.
func settingOf(s Setting) map[string]any {
	out := map[string]any{"on": s.On, "off": s.Off, "rules": s.Rules, "default": s.Default, "logic": map[string]any{}}
	if s.Rules == nil {
		out["rules"] = []Rule{}
	}
	if s.Logic != nil {
		out["logic"] = s.Logic
	}
	return out
}

func isMissing(err error, what string) bool {
	p, refused := errors.AsType[*client.Problem](err)
	return refused && p.Status == http.StatusNotFound && strings.Contains(p.Detail, "no "+what+" ")
}

// Apply makes the changes. What the server refuses is a problem of that flag, and done are the changes that were made; a server
// that fails ends it.
func (t Target) Apply(ctx context.Context, changes []Change) (done []Change, problems []Problem, err error) {
	for _, c := range changes {
		if err := t.apply(ctx, c); err != nil {
			p, refused := errors.AsType[*client.Problem](err)
			if !refused || p.Status >= http.StatusInternalServerError || p.Status == http.StatusUnauthorized {
				return done, problems, fmt.Errorf("%s: %w", c.Name(), err)
			}
			problems = append(problems, Problem{c.Name(), p.Error()})
			continue
		}
		done = append(done, c)
	}
	return done, problems, nil
}

func (t Target) apply(ctx context.Context, c Change) error {
	switch {
	case c.What == Nothing:
		return nil
	case c.Segment != "":
		return t.applySegment(ctx, c)
	case c.What == Create:
		if err := t.create(ctx, "flags", c.flag.Key, c.flag.created(t.Reason)); err != nil {
			return err
		}
	case len(c.whole) > 0:
		if err := t.change(ctx, t.path("flags", c.Flag), c.whole); err != nil {
			return err
		}
	}
	return t.set(ctx, c)
}

// created is the flag as it is made: other environments, where it is off, serve what it serves here while it is off.
func (f Flag) created(reason string) map[string]any {
	out := map[string]any{"key": f.Key, "type": f.Type, "variants": f.Variants, "reason": reason}
	if f.Setting.Default.Variant != "" {
		out["default"] = f.Setting.Default.Variant
	}
	if f.Setting.Off != "" {
		out["off"] = f.Setting.Off
	}
	if len(f.Metadata) > 0 {
		out["metadata"] = f.Metadata
	}
	return out
}

// union is the variants and those that there were.
func union(now, was []Variant) []Variant {
	out := slices.Clone(now)
	for _, v := range was {
		if !slices.ContainsFunc(now, func(n Variant) bool { return n.Key == v.Key }) {
			out = append(out, v)
		}
	}
	return out
}

func (t Target) set(ctx context.Context, c Change) error {
	if len(c.patch) == 0 {
		return nil
	}
	return t.change(ctx, t.path("flags", c.Flag)+"/environments/"+url.PathEscape(t.Environment), c.patch)
}

// create makes something, and waits until the server finds it.
func (t Target) create(ctx context.Context, kind, key string, body map[string]any) error {
	answer, err := t.Client.Do(ctx, client.Request{Method: http.MethodPost, Path: t.path(kind, ""), Body: body}, nil)
	if err != nil {
		return err
	}
	query := url.Values{}
	if position := answer.Header.Get("Assay-Position"); position != "" {
		query.Set("min_position", position)
	}
	_, err = t.Client.DoPatiently(ctx, client.Request{Path: t.path(kind, key), Query: query}, nil, patience)
	return err
}

const patience = 5 // attempts

func (t Target) change(ctx context.Context, path string, body map[string]any) error {
	with := map[string]any{"reason": t.Reason}
	maps.Copy(with, body)
	_, err := t.Client.Do(ctx, client.Request{Method: http.MethodPatch, Path: path, Body: with, Header: http.Header{"If-Match": {"*"}}}, nil)
	return err
}

func (t Target) path(kind, key string) string {
	path := "/api/v1/projects/" + url.PathEscape(t.Project) + "/" + kind
	if key == "" {
		return path
	}
	return path + "/" + url.PathEscape(key)
}
