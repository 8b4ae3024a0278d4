package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/internal/client"
)

func explainCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("explain", "FLAG [NAME=VALUE...]",
		"Tells what a flag serves to a context, and every step that led to it. NAME=VALUE are attributes; a VALUE that is JSON is taken as such.", s)
	var at serverFlags
	at.register(f, s)
	project := f.String("project", "", "`project` of the flag; needed unless it is written PROJECT/FLAG")
	environment := f.String("environment", "production", "`environment` to decide in")
	unit := f.String("unit", "", "targeting `key` of the context")
	whole := f.String("context", "", "the context as a JSON `object`; attributes that are given beside it count more")
	asJSON := f.Bool("json", false, "print the explanation as JSON")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return wrong(s, f, "Name a flag.")
	}
	in, key := splitName(*project, rest[0])
	if in == "" {
		return wrong(s, f, "Name the project: assay explain PROJECT/FLAG.")
	}
	subject, err := contextOf(*whole, *unit, rest[1:])
	if err != nil {
		return wrong(s, f, "%v", err)
	}
	server, err := at.client(s)
	if err != nil {
		return err
	}
	request := client.Request{
		Method: http.MethodPost, Body: map[string]any{"context": subject},
		Path: "/api/v1/projects/" + url.PathEscape(in) + "/flags/" + url.PathEscape(key) + "/environments/" + url.PathEscape(*environment) + "/explain",
	}
	var told flags.Explanation
	answer, err := server.DoPatiently(ctx, request, &told, 5)
	if err != nil {
		return err
	}
	if *asJSON {
		say(s.Out, "%s\n", strings.TrimSpace(string(answer.Body)))
		return nil
	}
	say(s.Out, "%s", explained(told))
	return nil
}

// contextOf puts the evaluation context together.
func contextOf(whole, unit string, attributes []string) (map[string]any, error) {
	out := map[string]any{}
	if whole != "" {
		if err := json.Unmarshal([]byte(whole), &out); err != nil || out == nil {
			return nil, errors.New("the context must be a JSON object, such as {\"country\":\"DE\"}")
		}
	}
	for _, a := range attributes {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is no attribute; write NAME=VALUE", a)
		}
		var read any
		if json.Unmarshal([]byte(value), &read) != nil {
			read = value
		}
		out[name] = read
	}
	if unit != "" {
		out[flags.TargetingKey] = unit
	}
	return out, nil
}

// explained is an explanation for people.
func explained(e flags.Explanation) string {
	var out strings.Builder
	line := func(depth int, format string, args ...any) {
		out.WriteString(strings.Repeat("  ", depth))
		fmt.Fprintf(&out, format, args...)
		out.WriteByte('\n')
	}
	line(0, "%s in %s/%s, as of revision %d (the flag: %d)", e.Flag, e.Project, e.Environment, e.Revision, e.FlagRevision)
	line(0, "serves %s", servedText(e.Served))
	if e.Problem != "" {
		line(0, "It cannot be served: %s", e.Problem)
	}
	for _, step := range e.Steps {
		mark := "-"
		if step.Serves {
			mark = "*"
		}
		line(0, "%s %s: %s", mark, strings.TrimSpace(string(step.Kind)+" "+step.ID), step.Why)
		tellConditions(line, 1, step.Conditions)
		for i := range step.Slices {
			tellBucket(line, 1, &step.Slices[i])
		}
		tellBucket(line, 1, step.Split)
	}
	return out.String()
}

func servedText(s flags.Serves) string {
	switch {
	case s.ErrorCode != "":
		return "an error, " + string(s.ErrorCode) + ": the application goes on with its own value"
	case s.Variant == "":
		return "the application's own value (" + string(s.Reason) + ")"
	}
	return fmt.Sprintf("%s = %s (%s)", s.Variant, s.Value, s.Reason)
}

func tellConditions(line func(int, string, ...any), depth int, all []flags.ConditionTrace) {
	for i := range all {
		c := &all[i]
		holds := "no "
		if c.Holds {
			holds = "yes"
		}
		line(depth, "%s %s", holds, conditionText(c))
		tellConditions(line, depth+1, c.Parts)
		for _, m := range c.Members {
			line(depth+1, "%s: member %v, %s", m.Segment, m.Member, strings.TrimSpace(m.Why+" "+m.Rule))
		}
		if c.Asked != nil {
			line(depth+1, "%s serves %s", c.Flag, servedText(*c.Asked))
		}
		tellBucket(line, depth+1, c.Bucket)
	}
}

func conditionText(c *flags.ConditionTrace) string {
	text := ""
	if c.Not {
		text = "not "
	}
	switch {
	case c.Group != "":
		return text + c.Group + " of"
	case c.Segments != nil:
		return text + "member of " + strings.Join(c.Segments, " or ")
	case c.Flag != "":
		asked := c.Variants
		for _, v := range c.Values {
			asked = append(asked, string(v))
		}
		return text + "the flag " + c.Flag + " serves " + strings.Join(asked, " or ")
	case c.Slice != nil:
		return text + "in the slice"
	}
	values := make([]string, len(c.Values))
	for i, v := range c.Values {
		values[i] = string(v)
	}
	found := "missing"
	if c.Found != nil {
		found = string(c.Found)
	}
	return fmt.Sprintf("%s%s %s %s (it is %s)", text, strings.Join(append([]string{c.Attribute}, c.Path...), "."), c.Operator, strings.Join(values, ", "), found)
}

func tellBucket(line func(int, string, ...any), depth int, b *flags.BucketTrace) {
	if b == nil {
		return
	}
	if b.UnitID == "" {
		line(depth, "the context has no %s, so the unit has no bucket", b.By)
		return
	}
	where := make([]string, len(b.Ranges))
	for i, r := range b.Ranges {
		where[i] = strconv.FormatUint(uint64(r.From), 10) + "-" + strconv.FormatUint(uint64(r.To), 10)
		if r.Variant != "" {
			where[i] = r.Variant + " " + where[i]
		}
		if r.Here {
			where[i] = "[" + where[i] + "]"
		}
	}
	line(depth, "unit %s is in bucket %d of %d by %s, salt %q: %s", b.UnitID, b.Bucket, b.Total, b.Algorithm, b.Salt, strings.Join(where, ", "))
}
