package pebblelog

import "sync"

// news lets any number of readers wait for the next commit. It holds nothing per reader.
type news struct {
	mu sync.Mutex
	ch chan struct{} // nil while nobody waits
}

// next returns a channel that is closed by the next announce. Take it before looking at the log, or a commit in between
// goes unnoticed.
func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

func (n *news) announce() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}
