package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
)

// promise is what a row says of its share of errors.
type promise string

const (
	atMost  promise = "at most"
	about   promise = "about"
	nothing promise = "none" // shown for comparison
)

// row is one line of the table.
type row struct {
	study, world, method, quantity string
	promise                        promise
	nominal                        float64
	runs                           int
	sum, squares                   float64
}

func (r row) observed() float64 { return r.sum / float64(r.runs) }

func (r row) se() float64 {
	mean := r.observed()
	return math.Sqrt(math.Max(0, r.squares/float64(r.runs)-mean*mean) / float64(r.runs))
}

// judgement allows three standard errors: those of the share that is promised, so that an observed 0 has an allowance too, or its own when
// the quantity is a difference, which should be 0.
func (r row) judgement() string {
	allowance := 3 * math.Sqrt(r.nominal*(1-r.nominal)/float64(r.runs))
	if r.nominal == 0 {
		allowance = 3 * r.se()
	}
	gap := r.observed() - r.nominal
	switch {
	case r.promise == nothing:
		return "for comparison"
	case gap > allowance, r.promise == about && gap < -allowance:
		return "off"
	}
	return "ok"
}

// study is a world with its methods.
type study struct {
	name, world string
	// part of the runs asked for, for slow worlds.
	part float64
	// run draws the data of one run and notes what happened.
	run func(r *rand.Rand, t *tally) error
}

// tally collects the rows of a study, in the order of their first note.
type tally struct {
	rows  []row
	index map[string]int
}

// note adds a run's outcome to a row: 1 when an error happened, 0 when not; or any quantity whose mean is shown.
func (t *tally) note(method, quantity string, p promise, nominal, value float64) {
	key := method + "\x00" + quantity
	i, known := t.index[key]
	if !known {
		i = len(t.rows)
		t.index[key] = i
		t.rows = append(t.rows, row{method: method, quantity: quantity, promise: p, nominal: nominal})
	}
	t.rows[i].runs++
	t.rows[i].sum += value
	t.rows[i].squares += value * value
}

// errorIf notes whether an error happened, of which alpha is promised.
func (t *tally) errorIf(method, quantity string, p promise, happened bool) {
	value := 0.0
	if happened {
		value = 1
	}
	t.note(method, quantity, p, alpha, value)
}

const (
	rejected  = "false positives"
	missed    = "intervals that miss the truth"
	everwrong = "false positives, 30 looks"
	everout   = "intervals that miss the truth, at any of 30 looks"
	alpha     = 0.05
)

// runAll draws all studies.
func runAll(seed uint64, runs int) ([]row, error) {
	var out []row
	for i, s := range studies() {
		rows, err := s.draw(seed, uint64(i), max(10, int(float64(runs)*s.part)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		out = append(out, rows...)
	}
	return out, nil
}

// blocks is into how many parts the runs of a study are cut; fixed, so that sums do not depend on the number of processors.
const blocks = 64

func (s study) draw(seed, number uint64, runs int) ([]row, error) {
	tallies, failures := make([]*tally, blocks), make([]error, blocks)
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for b := range blocks {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			tallies[b] = &tally{index: map[string]int{}}
			for i := b; i < runs; i += blocks {
				source := rand.New(rand.NewPCG(seed, number<<32|uint64(i))) //nolint:gosec // a simulation is drawn again from its seed
				if err := s.run(source, tallies[b]); err != nil {
					failures[b] = err
					return
				}
			}
		})
	}
	wait.Wait()
	all := &tally{index: map[string]int{}}
	for b := range blocks {
		if failures[b] != nil {
			return nil, failures[b]
		}
		all.merge(tallies[b])
	}
	for i := range all.rows {
		all.rows[i].study, all.rows[i].world = s.name, s.world
	}
	return all.rows, nil
}

func (t *tally) merge(o *tally) {
	for _, r := range o.rows {
		key := r.method + "\x00" + r.quantity
		if i, known := t.index[key]; known {
			t.rows[i].runs += r.runs
			t.rows[i].sum += r.sum
			t.rows[i].squares += r.squares
			continue
		}
		t.index[key] = len(t.rows)
		t.rows = append(t.rows, r)
	}
}
