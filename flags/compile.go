package flags

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Ruleset is a compiled Snapshot: immutable, and safe for any number of goroutines.
type Ruleset struct {
	revision    uint64
	project     string
	environment string
	flags       map[string]*compiledFlag
	ordered     []*compiledFlag // by key
	attributes  []string
	problems    []Problem
	notFound    Outcome
}

// Problem says why a flag of a snapshot cannot be served.
type Problem struct {
	Flag   string
	Detail string
}

// ParseSnapshot decodes the JSON of a snapshot. Fields it doesn't know are ignored, so that older programs survive newer
// servers; a format it doesn't know is refused.
func ParseSnapshot(text []byte) (Snapshot, error) {
	var s Snapshot
	if err := json.Unmarshal(text, &s); err != nil {
		return Snapshot{}, fmt.Errorf("the ruleset is no valid JSON: %w", err)
	}
	return s, s.check()
}

func (s *Snapshot) check() error {
	if s.Format != Format {
		return fmt.Errorf("the ruleset has format %d, this program reads %d; update it", s.Format, Format)
	}
	return nil
}

// Compile prepares a snapshot for deciding. It fails only when the snapshot as a whole is unusable (another format, a flag
// key twice). A flag that cannot be compiled answers PARSE_ERROR and is listed by Problems; the others are served.
func Compile(s Snapshot) (*Ruleset, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	r := &Ruleset{
		revision: s.Revision, project: s.Project, environment: s.Environment,
		flags: make(map[string]*compiledFlag, len(s.Flags)), ordered: make([]*compiledFlag, 0, len(s.Flags)),
		notFound: Outcome{Reason: Error, ErrorCode: FlagNotFound, Revision: s.Revision},
	}
	for i := range s.Flags {
		f := &s.Flags[i]
		if r.flags[f.Key] != nil {
			return nil, fmt.Errorf("the ruleset has the flag %q twice", f.Key)
		}
		common := Outcome{FlagRevision: f.Revision, Revision: s.Revision}
		compiled, err := compileFlag(f, common)
		if err != nil {
			r.problems = append(r.problems, Problem{Flag: f.Key, Detail: err.Error()})
			common.Reason, common.ErrorCode = Error, ParseError
			compiled = &compiledFlag{key: f.Key, revision: f.Revision, always: &common}
		}
		r.flags[f.Key] = compiled
		r.ordered = append(r.ordered, compiled)
	}
	slices.SortFunc(r.ordered, func(a, b *compiledFlag) int { return strings.Compare(a.key, b.key) })
	r.attributes = attributesOf(r.ordered)
	return r, nil
}

// attributesOf lists what decisions depend on. Flags that always answer the same depend on nothing.
func attributesOf(all []*compiledFlag) []string {
	seen := map[string]bool{}
	see := func(s *compiledSplit) {
		switch {
		case s == nil:
		case s.by == "":
			seen[TargetingKey] = true
		default:
			seen[s.by] = true
		}
	}
	for _, f := range all {
		if f.always != nil {
			continue
		}
		for i := range f.conditions {
			seen[f.conditions[i].attribute] = true
		}
		for i := range f.rules {
			see(f.rules[i].serve.split)
		}
		see(f.otherwise.split)
	}
	out := make([]string, 0, len(seen))
	for a := range seen {
		out = append(out, a)
	}
	slices.Sort(out)
	return out
}
