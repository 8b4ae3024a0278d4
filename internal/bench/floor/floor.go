// Package floor is not a product. It is the target line: what a hand-written
// compiled engine costs for the workloads of this benchmark: one atomic load,
// one map look-up, pre-decoded rules, one 32-bit murmur3 per split, hash-set
// segments, no allocation.
package floor

import (
	"sync/atomic"

	"github.com/assayhq/assay/internal/bench/dataset"

	"github.com/twmb/murmur3"
)

type rule struct {
	countries []string
	plan      string
	ageOver   int
	threshold uint64 // out of 1<<32
}

// Flag is one flag, made ready for one way of deciding.
type Flag struct {
	kind      dataset.Kind
	seed      uint32
	threshold uint64
	rules     []rule
	members   map[string]struct{}
}

// Snapshot is all flags at one moment.
type Snapshot struct {
	flags map[string]*Flag
	order []string
	list  []*Flag
}

// Engine serves one immutable snapshot.
type Engine struct{ snap atomic.Pointer[Snapshot] }

// New prepares the data.
func New(d dataset.Dataset) *Engine {
	s := &Snapshot{flags: map[string]*Flag{}}
	th := func(p int) uint64 { return uint64(p) * (1 << 32) / 100 }
	sets := map[string]map[string]struct{}{}
	for id, keys := range d.Segments {
		m := make(map[string]struct{}, len(keys))
		for _, k := range keys {
			m[k] = struct{}{}
		}
		sets[id] = m
	}
	for _, f := range d.Flags {
		ff := &Flag{kind: f.Kind, seed: murmur3.StringSum32(f.Key), threshold: th(f.Percent), members: sets[f.Segment]}
		for _, r := range f.Rules {
			ff.rules = append(ff.rules, rule{r.Countries, r.Plan, r.AgeOver, th(r.Percent)})
		}
		s.flags[f.Key] = ff
		s.order = append(s.order, f.Key)
		s.list = append(s.list, ff)
	}
	fl := &Engine{}
	fl.snap.Store(s)
	return fl
}

// Eval answers for one user.
func (f *Flag) Eval(u *dataset.User) bool {
	switch f.kind {
	case dataset.Const:
		return true
	case dataset.Split:
		return uint64(murmur3.SeedStringSum32(f.seed, u.Key)) < f.threshold
	case dataset.Segment:
		_, ok := f.members[u.Key]
		return ok
	case dataset.Rules:
		for i := range f.rules {
			r := &f.rules[i]
			in := false
			for _, c := range r.countries {
				if c == u.Country {
					in = true
					break
				}
			}
			if in && r.plan == u.Plan && u.Age > r.ageOver {
				return uint64(murmur3.SeedStringSum32(f.seed, u.Key)) < r.threshold
			}
		}
	}
	return false
}

// Flag finds a flag.
func (e *Engine) Flag(key string) (*Flag, bool) {
	f, ok := e.snap.Load().flags[key]
	return f, ok
}

// All answers every flag.
func (e *Engine) All(u *dataset.User, out []bool) []bool {
	for _, f := range e.snap.Load().list {
		out = append(out, f.Eval(u))
	}
	return out
}

// Keys lists the flags in the order of All.
func (e *Engine) Keys() []string { return e.snap.Load().order }
