package facts

import (
	"fmt"
	"sync/atomic"
)

// DamageError says that a file on disk is not what the store wrote. Nothing is answered from such a file. The log is whole, so the
// facts are folded again from it.
type DamageError struct {
	// File is the file's name in the folder of the facts.
	File string
	// Detail is what is wrong with it.
	Detail string
}

// Error says which file it is and what happens.
func (e *DamageError) Error() string {
	return fmt.Sprintf("the file %s of the facts is damaged (%s); they are being made again from the log", e.File, e.Detail)
}

func damaged(file, format string, args ...any) *DamageError {
	return &DamageError{File: file, Detail: fmt.Sprintf(format, args...)}
}

// wound is the damage that was found in a state on disk. The state's files share it, so that whoever reads one that is damaged,
// through whichever library, leaves word.
type wound struct {
	first atomic.Pointer[DamageError]
	told  chan struct{} // has room for one
}

// note keeps the first damage and wakes whoever mends.
func (w *wound) note(e *DamageError) {
	w.first.CompareAndSwap(nil, e)
	select {
	case w.told <- struct{}{}:
	default:
	}
}

// Damage is what is wrong with the state on disk, a *DamageError; nil when nothing is known. It stays until the facts are whole again.
func (s *Store) Damage() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.wound.first.Load(); e != nil {
		return e
	}
	if s.remade != nil {
		return s.remade
	}
	return nil
}

// Damaged receives when damage is found in the state that serves.
func (s *Store) Damaged() <-chan struct{} { return s.told }

// explain returns the damage when that is what an error comes from, and the error when it is not: libraries that read the files tell of
// it in words of their own.
func (w *wound) explain(err error) error {
	if e := w.first.Load(); err != nil && e != nil {
		return e
	}
	return err
}
