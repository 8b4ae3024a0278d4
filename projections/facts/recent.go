package facts

import (
	"fmt"
	"slices"
	"sync"
)

// recent holds the tables that were asked for last. What the facts say at a position never changes, so a table of it can be handed out
// again: to everybody who opens the report of the same look, and to those who ask twice while nothing has come. Nobody may write to
// a table.
type recent struct {
	mu     sync.Mutex
	tables []kept // the last used one at the end
	cells  int
}

// kept is a table and the question it answers.
type kept struct {
	query string
	units *Units
	cells int
}

// maxCells bounds what is held: 8 million numbers, about 64 MB.
const maxCells = 8 << 20

func keyOfQuery(q Query) string { return fmt.Sprintf("%#v", q) }

func (r *recent) get(query string) *Units {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.tables, func(k kept) bool { return k.query == query })
	if i < 0 {
		return nil
	}
	found := r.tables[i]
	r.tables = append(slices.Delete(r.tables, i, i+1), found)
	return found.units
}

func (r *recent) put(query string, u *Units) {
	k := kept{query: query, units: u, cells: u.cells()}
	if k.cells > maxCells/2 {
		return // it would drive all others out
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.tables, func(o kept) bool { return o.query == query }) {
		return
	}
	r.tables, r.cells = append(r.tables, k), r.cells+k.cells
	for r.cells > maxCells {
		r.cells -= r.tables[0].cells
		r.tables = slices.Delete(r.tables, 0, 1)
	}
}

// cells is about how many numbers the table holds.
func (u *Units) cells() int {
	n := 2 * len(u.Arm)
	for i := range u.Values {
		n += len(u.Values[i]) + 2*len(u.Each[i].Row)
	}
	for _, d := range u.Dimensions {
		n += len(d.Of)
	}
	return n
}
