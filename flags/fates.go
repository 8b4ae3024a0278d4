package flags

import "sync"

// fates are what flags that are prepared one after the other have in common: with 100,000 flags, what all of them can answer
// would take more memory than all the rest. It is for any number of goroutines; nil shares nothing.
type fates struct {
	mu        sync.Mutex
	outcomes  outcomes
	constants map[*Outcome]*prepared // of flags that answer the same to everybody
}

// mostFates bounds the outcomes that are remembered; beyond, they are forgotten and made anew.
const mostFates = 4_096

// compile is compileFlag for a flag that asks for no other and no segment.
func (f *fates) compile(flag *Flag) *compiledFlag {
	if f == nil {
		return compileFlag(flag, nowhere{}, nil)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.outcomes == nil || len(f.outcomes) >= mostFates {
		f.outcomes, f.constants = outcomes{}, map[*Outcome]*prepared{}
	}
	out := compileFlag(flag, nowhere{}, f.outcomes)
	if o := out.always; o != nil && out.problem == "" {
		if f.constants[o] == nil {
			f.constants[o] = &prepared{always: o, otherwise: compiledServe{fixed: o}}
		}
		out.ready.Store(f.constants[o])
	}
	return out
}
