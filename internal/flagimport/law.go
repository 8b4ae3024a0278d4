package flagimport

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/flags"
)

// What is imported is held against the law of flags and segments before anything is sent, so that a dry run tells what the
// server would refuse.

// somewhere stands for the place that the flags come to: no law depends on it.
const (
	someProject     = "import"
	someEnvironment = "import"
)

// finish takes out what could not be served, and puts the rest into an order in which what is asked for comes first.
func (m *Import) finish() {
	slices.SortStableFunc(m.Flags, byKey)
	for _, f := range slices.Clone(m.Flags) {
		if err := f.check(); err != nil {
			m.drop(f.Key, err.Error())
		}
	}
	for _, s := range m.Segments {
		if err := s.check(); err != nil {
			m.refuse(s.Key, err.Error())
		}
	}
	o := ordering{in: m, state: map[string]int{}}
	o.segments()
	o.flags()
	m.Segments, m.Flags = o.outSegments, o.outFlags
	m.compile()
	slices.SortStableFunc(m.Problems, func(a, b Problem) int { return cmp.Compare(a.Flag, b.Flag) })
	slices.SortStableFunc(m.Notes, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.Flag, b.Flag), cmp.Compare(a.Detail, b.Detail)) })
}

// compile takes out what the engine would not serve.
func (m *Import) compile() {
	rules, err := flags.Compile(m.Snapshot())
	if err != nil {
		return // only for keys that are there twice, which the check of the server tells
	}
	for _, p := range rules.Problems() {
		m.drop(p.Flag, "the engine cannot serve it: "+p.Detail)
	}
}

// Snapshot is what the import serves, as a ruleset.
func (m *Import) Snapshot() flags.Snapshot {
	out := flags.Snapshot{Format: flags.Format, Project: someProject, Environment: someEnvironment, Revision: 1, Flags: []flags.Flag{}}
	for _, s := range m.Segments {
		wire := flags.Segment{Key: s.Key, Revision: 1, Included: flags.NewIDs(s.Included...), Excluded: flags.NewIDs(s.Excluded...)}
		for _, r := range s.Rules {
			wire.Rules = append(wire.Rules, flags.SegmentRule{ID: r.ID, If: r.If})
		}
		out.Segments = append(out.Segments, wire)
	}
	for _, f := range m.Flags {
		out.Flags = append(out.Flags, f.wire())
	}
	return out
}

func (f Flag) wire() flags.Flag {
	out := flags.Flag{Key: f.Key, Revision: 1, Type: flags.Type(f.Type), On: f.Setting.On, Off: f.Setting.Off, Logic: f.Setting.Logic, Default: f.Setting.Default.wire(), Metadata: f.Metadata}
	for _, v := range f.Variants {
		out.Variants = append(out.Variants, flags.Variant(v))
	}
	for _, r := range f.Setting.Rules {
		out.Rules = append(out.Rules, flags.Rule{ID: r.ID, If: r.If, Serve: r.Serve.wire()})
	}
	return out
}

func (s Serve) wire() flags.Serve {
	out := flags.Serve{Variant: s.Variant}
	if s.Split != nil {
		split := s.Split.Split
		split.Weights = s.Split.Layout
		out.Split = &split
	}
	return out
}

// check asks the law of flags.
func (f Flag) check() error {
	create := flag.Create{Project: someProject, Key: domain.FlagKey(f.Key), Type: flag.Type(f.Type), Metadata: flag.MetadataOf(f.Metadata)}
	for _, v := range f.Variants {
		create.Variants = append(create.Variants, flag.Variant{Key: domain.VariantKey(v.Key), Value: v.Value})
	}
	if len(create.Variants) == 0 {
		return errors.New("it has no variants")
	}
	set := flag.SetEnvironment{Environment: someEnvironment, Rules: &[]flag.Rule{}, Default: &flag.Serve{}, Off: new(domain.VariantKey(f.Setting.Off))}
	if err := errors.Join(reread(f.Setting.Rules, set.Rules), reread(f.Setting.Default, set.Default)); err != nil {
		return err
	}
	if l := f.Setting.Logic; l != nil {
		set.Logic = &flag.Logic{Rule: l.Rule, Fractional: l.Fractional}
	}
	state := flag.State{}
	for _, c := range []flag.Command{create, set} {
		events, err := flag.Aggregate.Decide(state, c, domain.Envelope{})
		if err != nil {
			return refusal(err)
		}
		for _, e := range events {
			state = flag.Aggregate.Evolve(state, e)
		}
	}
	return nil
}

func (s Segment) check() error {
	create := segment.Create{Project: someProject, Key: domain.SegmentKey(s.Key), Name: s.Name, Description: s.Description}
	if err := reread(s.Rules, &create.Rules); err != nil {
		return err
	}
	_, err := segment.Aggregate.Decide(segment.State{}, create, domain.Envelope{})
	return refusal(err)
}

// refusal is what a decider says, and where.
func refusal(err error) error {
	if r, is := domain.AsRefusal(err); is {
		if r.Pointer != "" {
			return fmt.Errorf("%w (%s)", err, r.Pointer)
		}
	}
	return err
}

// reread is a value as the domain has it: both have the same JSON.
func reread(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("it cannot be written: %w", err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("it cannot be read again: %w", err)
	}
	return nil
}

// ordering walks from what asks to what is asked for.
type ordering struct {
	in          *Import
	state       map[string]int // of "flag x" and "segment x"; 0 for unknown
	outFlags    []Flag
	outSegments []Segment
}

const (
	onTheWay = iota + 1
	isFine
)

// segments takes those that nobody asks for, too, when they can be had.
func (o *ordering) segments() {
	for _, s := range o.in.Segments {
		o.segment(s.Key)
	}
	for key, why := range o.in.refused {
		o.in.note("", fmt.Sprintf("the segment %s is not imported: %s", key, why))
	}
}

// segment tells why the segment cannot be had; empty when it can.
func (o *ordering) segment(key string) (why string) {
	name := "segment " + key
	i := slices.IndexFunc(o.in.Segments, func(s Segment) bool { return s.Key == key })
	switch {
	case o.in.refused[key] != "":
		return o.in.refused[key]
	case i < 0:
		return "it is not in the file"
	case o.state[name] == isFine:
		return ""
	case o.state[name] == onTheWay:
		return "segments lead back to it"
	}
	o.state[name] = onTheWay
	for _, r := range o.in.Segments[i].Rules {
		_, segments := asked(r.If)
		for _, next := range segments {
			if why := o.segment(next); why != "" {
				o.in.refuse(key, fmt.Sprintf("it asks for the segment %s: %s", next, why))
				return o.in.refused[key]
			}
		}
	}
	o.state[name] = isFine
	o.outSegments = append(o.outSegments, o.in.Segments[i])
	return ""
}

func (o *ordering) flags() {
	for _, f := range slices.Clone(o.in.Flags) {
		o.flag(f.Key)
	}
}

// flag tells why the flag cannot be had, and takes it out; empty when it can.
func (o *ordering) flag(key string) (why string) {
	name := "flag " + key
	i := slices.IndexFunc(o.in.Flags, func(f Flag) bool { return f.Key == key })
	switch {
	case i < 0 && o.in.failed(key) != "":
		return o.in.failed(key)
	case i < 0:
		return "it is not in the file"
	case o.state[name] == isFine:
		return ""
	case o.state[name] == onTheWay:
		return "flags lead back to it"
	}
	f := o.in.Flags[i]
	o.state[name] = onTheWay
	if why := o.needed(f); why != "" {
		o.in.drop(key, why)
		return why
	}
	o.state[name] = isFine
	o.outFlags = append(o.outFlags, f)
	return ""
}

func (o *ordering) needed(f Flag) (why string) {
	for _, r := range f.Setting.Rules {
		flags, segments := asked(r.If)
		for _, next := range segments {
			if why := o.segment(next); why != "" {
				return fmt.Sprintf("it asks for the segment %s, which is not imported: %s", next, why)
			}
		}
		for _, next := range flags {
			if why := o.flag(next); why != "" {
				return fmt.Sprintf("it asks for the flag %s, which is not imported: %s", next, why)
			}
		}
	}
	return ""
}

// asked lists the flags and segments that conditions ask for.
func asked(all []flags.Condition) (flagKeys, segments []string) {
	for _, c := range all {
		if c.Flag != "" {
			flagKeys = append(flagKeys, c.Flag)
		}
		segments = append(segments, c.Segments...)
		for _, inner := range [][]flags.Condition{c.All, c.Any} {
			f, s := asked(inner)
			flagKeys, segments = append(flagKeys, f...), append(segments, s...)
		}
	}
	return flagKeys, segments
}
