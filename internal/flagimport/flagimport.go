// Package flagimport brings flags of other products into a running server through its public API. It is what `assay import
// flags` runs.
//
// # The model
//
// A reader turns a file into flags as this product's API takes them, and says for each flag that cannot be expressed why. A
// flag keeps its buckets: what assigned its units before is recorded with it. Plan compares with what the server has and
// changes nothing; Apply makes the changes, each an event with a reason. A flag that is refused costs none of the others.
package flagimport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/client"
)

// Flag is a flag as the API takes it.
type Flag struct {
	Key      string
	Type     string
	Variants []Variant
	// Setting is what PATCH of the flag's environment takes.
	Setting map[string]any
}

// Variant is a named value.
type Variant struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// Problem says why a flag is not imported, or not as it was.
type Problem struct {
	Flag   string `json:"flag"`
	Detail string `json:"detail"`
}

// Source reads the file of a product.
type Source func(text []byte) ([]Flag, []Problem, error)

// SourceNamed returns the reader of a product; ok is false when there is none.
func SourceNamed(name string) (read Source, ok bool) {
	switch name {
	case "flagd":
		return Flagd, true
	case "flagd-0.14":
		return FlagdV1, true
	case "growthbook":
		return GrowthBook, true
	case "goff":
		return GOFeatureFlag, true
	case "launchdarkly":
		return LaunchDarkly, true
	case "unleash":
		return Unleash, true
	}
	return nil, false
}

// Sources are the names that SourceNamed knows.
func Sources() []string {
	return []string{"flagd", "flagd-0.14", "goff", "growthbook", "launchdarkly", "unleash"}
}

// Target is where flags go.
type Target struct {
	Client               *client.Client
	Project, Environment string
	Reason               string
}

// Change is what an import does to one flag.
type Change struct {
	Flag    string   `json:"flag"`
	What    string   `json:"what"` // create, change, nothing
	Details []string `json:"details,omitempty"`

	flag    Flag
	exists  bool
	patch   map[string]any // of the environment
	variant bool           // the variants change
}

// Plan compares the flags with what the server has.
func (t Target) Plan(ctx context.Context, flags []Flag) ([]Change, error) {
	var out []Change
	for _, f := range flags {
		var have struct {
			Variants     []Variant                 `json:"variants"`
			Type         string                    `json:"type"`
			Environments map[string]map[string]any `json:"environments"`
		}
		_, err := t.Client.Do(ctx, client.Request{Path: t.path(f.Key)}, &have)
		c := Change{Flag: f.Key, flag: f, patch: f.Setting}
		if p, refused := errors.AsType[*client.Problem](err); refused && p.Status == http.StatusNotFound && strings.Contains(p.Detail, "flag") {
			c.What = "create"
			c.Details = append(c.Details, fmt.Sprintf("%s with %d variants", f.Type, len(f.Variants)))
			out = append(out, c)
			continue
		} else if err != nil {
			return nil, err
		}
		c.exists, c.What = true, "nothing"
		c.variant = !same(have.Variants, f.Variants)
		c.patch = map[string]any{}
		now := have.Environments[t.Environment]
		for _, name := range []string{"on", "rules", "logic", "default", "off"} {
			if wanted, set := f.Setting[name]; set && !same(now[name], wanted) {
				c.patch[name] = wanted
				c.Details = append(c.Details, fmt.Sprintf("%s: %s → %s", name, short(now[name]), short(wanted)))
			}
		}
		if c.variant {
			c.Details = append(c.Details, fmt.Sprintf("variants: %s → %s", short(have.Variants), short(f.Variants)))
		}
		if len(c.Details) > 0 {
			c.What = "change"
		}
		out = append(out, c)
	}
	return out, nil
}

// Apply makes the changes. What the server refuses is a problem of that flag.
func (t Target) Apply(ctx context.Context, changes []Change) (problems []Problem, err error) {
	for _, c := range changes {
		if err := t.apply(ctx, c); err != nil {
			p, refused := errors.AsType[*client.Problem](err)
			if !refused || p.Status >= http.StatusInternalServerError {
				return problems, err
			}
			problems = append(problems, Problem{c.Flag, p.Error()})
		}
	}
	return problems, nil
}

func (t Target) apply(ctx context.Context, c Change) error {
	if c.What == "nothing" {
		return nil
	}
	variants := map[string]any{"variants": c.flag.Variants, "reason": t.Reason}
	if !c.exists {
		create := map[string]any{"key": c.flag.Key, "type": c.flag.Type, "variants": c.flag.Variants, "reason": t.Reason}
		if err := t.write(ctx, http.MethodPost, t.path(""), create); err != nil {
			return err
		}
	} else if c.variant {
		if err := t.write(ctx, http.MethodPatch, t.path(c.Flag), variants); err != nil {
			return err
		}
	}
	if len(c.patch) == 0 {
		return nil
	}
	setting := map[string]any{"reason": t.Reason}
	maps.Copy(setting, c.patch)
	return t.write(ctx, http.MethodPatch, t.path(c.Flag)+"/environments/"+url.PathEscape(t.Environment), setting)
}

func (t Target) write(ctx context.Context, method, path string, body any) error {
	_, err := t.Client.Do(ctx, client.Request{Method: method, Path: path, Body: body, Header: http.Header{"If-Match": {"*"}}}, nil)
	return err
}

func (t Target) path(flag string) string {
	path := "/api/v1/projects/" + url.PathEscape(t.Project) + "/flags"
	if flag == "" {
		return path
	}
	return path + "/" + url.PathEscape(flag)
}

// same compares as JSON, where what is empty and what is not there are one.
func same(a, b any) bool { return reflect.DeepEqual(plain(a), plain(b)) }

func plain(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return nil // what has no JSON is not in an answer
	}
	var out any
	if json.Unmarshal(text, &out) != nil {
		return nil
	}
	return pruned(out)
}

// pruned is a value without empty members.
func pruned(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if v[key] = pruned(inner); v[key] == nil {
				delete(v, key)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = pruned(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	case string:
		if v == "" {
			return nil
		}
	}
	return value
}

const shown = 200 // bytes of a value in a difference

func short(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	if len(text) > shown {
		return strings.ToValidUTF8(string(text[:shown]), "") + "…"
	}
	return string(text)
}

func byKey(flags []Flag) []Flag {
	slices.SortFunc(flags, func(a, b Flag) int { return strings.Compare(a.Key, b.Key) })
	return flags
}
