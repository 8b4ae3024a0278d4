package flags

import (
	"slices"
	"strings"
)

// Kept is a flag in whatever form somebody keeps it. Flag makes the same flag each time; it is called by any number of
// goroutines. A *Compiled tells kept flags apart by ==.
type Kept interface{ Flag() (*Flag, error) }

// here is a flag that is kept as it is.
type here struct{ flag *Flag }

// Flag is the flag.
func (h here) Flag() (*Flag, error) { return h.flag, nil }

// Compiled is flags that are compiled, for rulesets that serve the same: with 100,000 flags in three environments most are
// off, and the same, in two of them. The zero value has none. It is for one goroutine.
type Compiled struct {
	flags  map[Kept]*compiledFlag
	traits map[string]*traits
	fates  *fates
}

// mostTraits bounds those that are remembered.
const mostTraits = 4_096

// Forget forgets the flags, once all rulesets have them, but not what many flags have in common.
func (c *Compiled) Forget() { c.flags = nil }

// of compiles the flag unless that has been done, and keeps no more of it than rulesets must know: what deciding needs is made
// when somebody first asks. A flag that asks for others and for segments by their places in one ruleset is compiled for each.
func (c *Compiled) of(kept Kept, links linker) (*compiledFlag, error) {
	if same, done := c.flags[kept]; done {
		return same, nil
	}
	flag, err := kept.Flag()
	if err != nil {
		return nil, err
	}
	out := compileFlag(flag, links, nil)
	out.source = kept
	if out.asks() || out.problem != "" {
		return out, nil
	}
	out = &compiledFlag{key: out.key, revision: out.revision, traits: c.common(out.traits), source: kept}
	if c.flags == nil {
		c.flags = map[Kept]*compiledFlag{}
	}
	c.flags[kept] = out
	return out, nil
}

// common returns traits that are the same.
func (c *Compiled) common(t *traits) *traits {
	same := strings.Join(append(slices.Clone(t.attributes), t.experiment), "\x00")
	if known := c.traits[same]; known != nil {
		return known
	}
	if c.traits == nil || len(c.traits) >= mostTraits {
		c.traits = map[string]*traits{}
	}
	if c.fates == nil {
		c.fates = &fates{}
	}
	t.fates = c.fates
	c.traits[same] = t
	return t
}

// ApplyKept is Apply with kept flags instead of those in the delta, which are not looked at: with 100,000 flags, what all of
// them compile to would take more memory than all the rest. Flags that are in shared are taken from there, and those that are
// not come into it.
func (r *Ruleset) ApplyKept(d Delta, flags []Kept, shared *Compiled) (*Ruleset, error) {
	return r.apply(d, func(b *builder) error {
		for _, kept := range flags {
			f, err := shared.of(kept, b)
			if err != nil {
				return err
			}
			b.set(b.flagPlace(f.key), f)
		}
		return nil
	})
}
