package ruleset

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/projections"
)

func etagOf(revision eventlog.Position) string {
	return `"rs-` + strconv.FormatUint(uint64(revision), 10) + `"`
}

// Snapshot is all that is served, as the engine's wire format. It is read from the text of every flag each time.
func (s *Served) Snapshot() flags.Snapshot {
	out := flags.Snapshot{
		Format: flags.Format, Project: string(s.Project), Environment: string(s.Environment), Revision: uint64(s.Revision),
		Flags: make([]flags.Flag, 0, len(s.flags)),
	}
	for _, kept := range s.flags {
		if f, err := kept.Flag(); err == nil { // what was written can be read
			out.Flags = append(out.Flags, *f)
		}
	}
	for _, g := range s.segments {
		out.Segments = append(out.Segments, g.segment)
	}
	return out
}

// JSON is the Snapshot as it is handed out; a flag's text only changes when the flag does. It is put together when it is asked
// for, once.
func (s *Served) JSON() []byte { return s.json() }

func (s *Served) text() []byte {
	size := 256
	for _, f := range s.flags {
		size += len(f.text) + 1
	}
	for _, g := range s.segments {
		size += g.segment.Included.Size() + g.segment.Excluded.Size() + 4*(g.segment.Included.Len()+g.segment.Excluded.Len())
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	if err := s.Write(out); err != nil {
		return nil // what is in it was read from JSON, and a buffer takes everything
	}
	return out.Bytes()
}

// Write writes JSON without putting it together first: for a whole that is large and asked for seldom.
func (s *Served) Write(w io.Writer) error {
	head := flags.Snapshot{
		Format: flags.Format, Project: string(s.Project), Environment: string(s.Environment), Revision: uint64(s.Revision), Flags: []flags.Flag{},
	}
	for _, g := range s.segments {
		head.Segments = append(head.Segments, g.segment)
	}
	text, err := json.Marshal(head)
	if err != nil {
		return err
	}
	// The flags are the last field, so their texts, which are made once, go between the brackets of the empty list.
	if _, err := w.Write(bytes.TrimSuffix(text, []byte("]}"))); err != nil {
		return err
	}
	for i, f := range s.flags {
		if i > 0 {
			if _, err := io.WriteString(w, ","); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			return err
		}
	}
	_, err = io.WriteString(w, "]}")
	return err
}

// Since is what leads from an earlier revision of the environment to this one. known is false when that is too long ago to tell,
// or no revision that this environment has been at: the whole is needed then.
func (s *Served) Since(revision projections.Position) (delta flags.Delta, known bool) {
	if revision > s.Revision || revision < s.floor || revision == 0 {
		return delta, false
	}
	delta = flags.Delta{
		Format: flags.Format, Project: string(s.Project), Environment: string(s.Environment), Since: uint64(revision), Revision: uint64(s.Revision),
	}
	for _, f := range s.flags {
		if f.revision <= uint64(revision) {
			continue
		}
		changed, err := f.Flag()
		if err != nil {
			return delta, false
		}
		delta.Flags = append(delta.Flags, *changed)
	}
	for _, g := range s.segments {
		if g.segment.Revision > uint64(revision) {
			g.since(revision, &delta)
		}
	}
	for _, g := range s.graves {
		switch {
		case g.at <= revision:
		case g.segment && !s.hasSegment(g.key):
			delta.SegmentsGone = append(delta.SegmentsGone, g.key)
		case !g.segment && !s.hasFlag(g.key):
			delta.FlagsGone = append(delta.FlagsGone, g.key)
		}
	}
	delta.FlagsGone, delta.SegmentsGone = unique(delta.FlagsGone), unique(delta.SegmentsGone)
	return delta, true
}

func unique(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

func (s *Served) flag(key string) *shape {
	i, there := slices.BinarySearchFunc(s.flags, key, func(f *shape, key string) int { return strings.Compare(f.key, key) })
	if !there {
		return nil
	}
	return s.flags[i]
}

func (s *Served) hasFlag(key string) bool { return s.flag(key) != nil }

func (s *Served) hasSegment(key string) bool {
	return slices.ContainsFunc(s.segments, func(g *segmentShape) bool { return g.segment.Key == key })
}

// since tells what changed in the lists, or the whole segment when more did or nobody knows any more.
func (g *segmentShape) since(revision eventlog.Position, delta *flags.Delta) {
	included, known := g.included.after(revision)
	excluded, alsoKnown := g.excluded.after(revision)
	if g.whole > revision || !known || !alsoKnown {
		delta.Segments = append(delta.Segments, g.segment)
		return
	}
	delta.Lists = append(delta.Lists, flags.ListChange{Segment: g.segment.Key, Revision: g.segment.Revision, Included: included, Excluded: excluded})
}

// problems lists the flags that do not compile.
func (s *Served) problems() (out []Problem) {
	for _, problem := range s.Ruleset.Problems() {
		if f := s.flag(problem.Flag); f != nil {
			out = append(out, Problem{
				Stream: f.stream, Position: eventlog.Position(f.revision),
				Detail: "in " + string(s.Environment) + " it does not compile: " + problem.Detail,
			})
		}
	}
	return out
}
