package flags

import (
	"slices"
	"sync/atomic"
)

// compiledFlag is a flag in its place in a ruleset.
type compiledFlag struct {
	key      string
	revision uint64
	always   *Outcome // when the subject doesn't matter; nil too when nobody has looked
	// ready is nil until somebody asks for the flag, when it is kept in less memory than that; see Kept.
	ready atomic.Pointer[prepared]
	*traits
	source Kept
}

// traits are what a ruleset must know of a flag before anybody asks for it. Many flags have the same.
type traits struct {
	linked     // sorted attributes, each once
	experiment string
	problem    string        // why it cannot be served
	sound      *compiledFlag // of a flag that is well but needs something that is not: itself
	fates      *fates        // nil where flags are prepared before somebody asks for them
}

// compileFlag compiles all parts of a flag, those that are not served now included: a flag must not turn out to be unusable
// at the moment it is turned on. What cannot be compiled becomes a flag that says so.
func compileFlag(f *Flag, links linker, same outcomes) *compiledFlag {
	out := &compiledFlag{key: f.Key, revision: f.Revision, source: here{f}}
	c := compiler{
		programmer: newProgrammer(links), flag: &prepared{}, outcomes: same,
		common: Outcome{Stale: f.Stale, Metadata: compileMetadata(f.Metadata)}, variants: make(map[string]Value, len(f.Variants)),
	}
	if err := c.compile(f); err != nil {
		broken := brokenFlag(f.Key, f.Revision, err.Error())
		broken.source = out.source
		return broken
	}
	c.flag.program = c.finished()
	c.flag.simplify()
	slices.Sort(c.attributes)
	c.attributes = slices.Compact(c.attributes)
	out.traits = &traits{linked: c.linked}
	if e := f.Experiment; e != nil {
		out.experiment = e.Key
	}
	if out.always = c.flag.always; out.always != nil {
		out.attributes = nil // flags that always answer the same depend on nothing
	}
	out.ready.Store(c.flag)
	return out
}

func brokenFlag(key string, revision uint64, problem string) *compiledFlag {
	out := &compiledFlag{
		key: key, revision: revision, traits: &traits{problem: problem},
		always: &Outcome{Reason: Error, ErrorCode: ParseError},
	}
	out.ready.Store(&prepared{always: out.always})
	return out
}

// prepared is the flag ready for deciding.
func (f *compiledFlag) prepared() *prepared {
	if p := f.ready.Load(); p != nil {
		return p
	}
	return f.prepare()
}

// prepare compiles what was compiled before, to look at it. Two that come at once make the same.
func (f *compiledFlag) prepare() *prepared {
	var again *compiledFlag
	if flag, err := f.source.Flag(); err == nil {
		again = f.fates.compile(flag)
	}
	if again == nil || again.asks() {
		again = brokenFlag(f.key, f.revision, "it is not what it was")
	}
	ready := again.ready.Load()
	f.ready.Store(ready)
	return ready
}

// itself is the flag as it was compiled, whatever became of what it asks for.
func (f *compiledFlag) itself() *compiledFlag {
	if f != nil && f.sound != nil {
		return f.sound
	}
	return f
}

func (f *compiledFlag) asks() bool {
	return f != nil && len(f.flags)+len(f.segments) > 0
}
