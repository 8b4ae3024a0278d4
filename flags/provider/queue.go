package provider

import (
	"slices"
	"sync"
)

// batchItems is the most the server takes at once.
const batchItems = 1_000

// queue holds the items that wait to be sent, oldest first.
type queue[T any] struct {
	limit int
	mu    sync.Mutex
	items []T
}

// add reports whether there was room, and whether a batch is full.
func (q *queue[T]) add(item T) (ok, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) >= q.limit {
		return false, true
	}
	q.items = append(q.items, item)
	return true, len(q.items) >= batchItems
}

// head returns copies of up to n of the oldest items, which stay in the queue until drop.
func (q *queue[T]) head(n int) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.items[:min(n, len(q.items))])
}

// drop forgets the n oldest items.
func (q *queue[T]) drop(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.items[:n]) // what they refer to is no longer needed
	if q.items = q.items[n:]; len(q.items) == 0 {
		q.items = nil
	}
}

func (q *queue[T]) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}
