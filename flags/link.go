package flags

import "fmt"

// linking finds out which flags ask for something that cannot be had: a flag or a segment that is not there, that does not
// compile, or that leads back to them. Such a flag answers PARSE_ERROR, so deciding never meets a missing piece and never
// goes round in a circle.
type linking struct {
	ruleset  *Ruleset
	flags    []linkState
	segments []linkState
}

type linkState struct {
	state   uint8
	cost    int    // of deciding, in flags and segments that are asked
	problem string // of what is unsound
}

const (
	unvisited uint8 = iota
	visiting
	isSound
	isUnsound
)

// maxCost bounds how many flags and segments deciding one flag can ask for, in all.
const maxCost = 1_000

func (l *linking) linkAll() {
	r := l.ruleset
	for _, i := range r.asking {
		f := r.flags[i].itself()
		if s := l.flag(i); s.state == isUnsound && f.problem == "" {
			broken := brokenFlag(f.key, f.revision, s.problem)
			broken.sound, broken.source = f, f.source
			r.put(i, broken)
		} else if f.problem == "" {
			r.put(i, f)
		}
	}
}

func (l *linking) flag(i int) linkState {
	s := &l.flags[i]
	f := l.ruleset.flags[i].itself()
	switch {
	case s.state == visiting:
		return linkState{state: isUnsound, problem: fmt.Sprintf("the flag %q leads back to it", f.key)}
	case s.state != unvisited:
		return *s
	case f == nil:
		return linkState{state: isUnsound, problem: "it is not there"}
	case f.problem != "":
		return linkState{state: isUnsound, problem: f.problem}
	}
	s.state, s.cost = visiting, 1
	for _, j := range f.flags {
		if below := l.flag(j); below.state == isUnsound {
			return s.fail("it asks for the flag %q: %s", l.ruleset.keyAt(j), below.problem)
		} else if s.cost += below.cost; s.cost > maxCost {
			return s.fail("it asks for more than %d flags and segments in all", maxCost)
		}
	}
	return l.askSegments(s, f.segments)
}

func (l *linking) askSegments(s *linkState, segments []int) linkState {
	for _, j := range segments {
		if below := l.segment(j); below.state == isUnsound {
			return s.fail("it asks for the segment %q: %s", l.ruleset.segmentKeyAt(j), below.problem)
		} else if s.cost += below.cost; s.cost > maxCost {
			return s.fail("it asks for more than %d flags and segments in all", maxCost)
		}
	}
	s.state = isSound
	return *s
}

func (l *linking) segment(i int) linkState {
	s, g := &l.segments[i], l.ruleset.segments[i]
	switch {
	case s.state == visiting:
		return linkState{state: isUnsound, problem: fmt.Sprintf("the segment %q leads back to it", g.key)}
	case s.state != unvisited:
		return *s
	case g == nil:
		return linkState{state: isUnsound, problem: "it is not there"}
	case g.problem != "":
		return linkState{state: isUnsound, problem: g.problem}
	}
	s.state, s.cost = visiting, 1
	return l.askSegments(s, g.segments)
}

// maxProblem bounds a problem that is made of problems.
const maxProblem = 400

func (s *linkState) fail(format string, args ...any) linkState {
	s.state, s.problem = isUnsound, fmt.Sprintf(format, args...)
	if len(s.problem) > maxProblem {
		s.problem = s.problem[:maxProblem] + "…"
	}
	return *s
}
