package modelcheck_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// dice are a seeded source for several goroutines.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed, part uint64) *dice { return &dice{r: rand.New(rand.NewPCG(seed, part))} }

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// once in n times.
func (d *dice) once(n int) bool { return d.n(n) == 0 }

func (d *dice) millis(most int) time.Duration { return time.Duration(1+d.n(most)) * time.Millisecond }

// schedule lets one goroutine run at a time: who calls the log parks here first, and the seed chooses who goes on once all
// others are parked or wait for something. Time stands still meanwhile. A free schedule parks nobody.
type schedule struct {
	free bool
	dice *dice

	mu     sync.Mutex
	parked []*parked
	seen   hash.Hash // of all choices
	steps  int
}

type parked struct {
	who string
	run chan struct{}
}

func newSchedule(seed uint64, free bool) *schedule {
	return &schedule{free: free, dice: newDice(seed, 1), seen: sha256.New()}
}

// turn returns when it is the caller's turn, or false when its process died.
func (s *schedule) turn(who string, died <-chan struct{}) bool {
	select {
	case <-died:
		return false
	default:
	}
	if s.free {
		return true
	}
	p := &parked{who: who, run: make(chan struct{})}
	s.mu.Lock()
	s.parked = append(s.parked, p)
	s.mu.Unlock()
	select {
	case <-p.run:
		return true
	case <-died:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.parked = slices.DeleteFunc(s.parked, func(other *parked) bool { return other == p })
		return false
	}
}

// run gives out turns until done is closed. It runs in a bubble of synctest.
func (s *schedule) run(done <-chan struct{}) {
	for {
		synctest.Wait()
		select {
		case <-done:
			return
		default:
		}
		if !s.next() {
			time.Sleep(time.Millisecond) // they wait for timers, if for anything
		}
	}
}

// next lets one go on, or reports that time is to go on.
func (s *schedule) next() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps++
	if len(s.parked) == 0 || s.dice.once(25) {
		return false
	}
	slices.SortStableFunc(s.parked, func(a, b *parked) int { return cmp.Compare(a.who, b.who) })
	i := s.dice.n(len(s.parked))
	p := s.parked[i]
	s.parked = slices.Delete(s.parked, i, i+1)
	fmt.Fprintln(s.seen, p.who)
	close(p.run)
	return true
}

type whoKey struct{}

// as names who asks, for the schedule.
func as(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, whoKey{}, who)
}

func whoIn(ctx context.Context) string {
	who, _ := ctx.Value(whoKey{}).(string)
	return who
}
