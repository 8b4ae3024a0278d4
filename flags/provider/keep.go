package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// keeper keeps the ruleset in use on disk, for the next start without a server. The file begins with a ruleset like the
// server's, on one line, and goes on with the deltas since then, a line each. The ruleset is written beside its place and then
// moved there, so that it is always whole; a delta that was torn is not used, and neither is what follows it.
type keeper struct {
	provider *Provider
	path     string // empty: nothing is kept
	news     chan struct{}

	mu       sync.Mutex
	whole    []byte   // a ruleset that is not on disk yet, nil for none
	steps    [][]byte // the deltas after that, or after what is on disk
	waiting  int      // bytes of these
	revision uint64   // that all this leads to
	kept     uint64   // the revision on disk, as far as this process knows
	size     int64    // of the ruleset on disk
	journal  int64    // of the deltas on disk
	last     error    // why the last attempt to keep something failed
}

// mostWaiting bounds the deltas that wait to be written; with more it is better to get and write the whole ruleset.
const mostWaiting = 16 << 20

// leastJournal is what the deltas on disk may weigh however small the ruleset is.
const leastJournal = 1 << 20

// newKeeper makes a keeper. The name of its file tells keys and servers apart without telling them.
func newKeeper(p *Provider) *keeper {
	k := &keeper{provider: p, news: make(chan struct{}, 1)}
	if p.config.KeepIn != "" {
		sum := sha256.Sum256([]byte(p.config.URL + "\x00" + p.config.Key))
		k.path = filepath.Join(p.config.KeepIn, "assay-"+hex.EncodeToString(sum[:8])+".json")
	}
	return k
}

// changed says that the server handed out another ruleset, and it is in use.
func (k *keeper) changed(text []byte, revision uint64) {
	if k.path == "" {
		return
	}
	var line bytes.Buffer
	if json.Compact(&line, text) != nil {
		return // it was read, so it is JSON
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.whole, k.steps, k.waiting, k.revision = line.Bytes(), nil, 0, revision
	k.tell()
}

// stepped says that a delta led to the ruleset in use.
func (k *keeper) stepped(text []byte, revision uint64) {
	if k.path == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.steps, k.revision = append(k.steps, text), revision
	k.waiting += len(text)
	if k.waiting > mostWaiting || k.journal+int64(k.waiting) > max(k.size, leastJournal) {
		k.provider.wantsWhole.Store(true)
	}
	k.tell()
}

func (k *keeper) tell() {
	select {
	case k.news <- struct{}{}:
	default:
	}
}

// run keeps what comes until ctx ends, and then what has come last. Between two writings there is a pause, and the longer
// writing takes the longer it is, so that a big ruleset that changes all the time does not keep the disk busy.
func (k *keeper) run(ctx context.Context) {
	if k.path == "" {
		return
	}
	for wait := time.Duration(0); pause(ctx, wait); {
		select {
		case <-ctx.Done():
		case <-k.news:
			began := time.Now()
			k.keep()
			wait = max(k.provider.pace.keep, k.provider.pace.rest*time.Since(began))
		}
	}
	k.keep()
}

// keep writes what waits. A ruleset does not replace something newer, which another process may have kept; deltas that do not
// continue what is there are ignored by whoever reads the file.
func (k *keeper) keep() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.whole == nil && len(k.steps) == 0 {
		return
	}
	lines := k.steps
	if k.whole != nil {
		if k.provider.config.AcceptOlderAfter <= 0 && k.isOlder() {
			return
		}
		lines = append([][]byte{k.whole}, lines...)
	}
	text := append(bytes.Join(lines, []byte("\n")), '\n')
	if k.whole != nil {
		k.last = replace(k.path, text)
	} else {
		if k.last = extend(k.path, text); k.last != nil {
			k.provider.wantsWhole.Store(true) // somebody took the file away
		}
	}
	if k.last != nil {
		return
	}
	if k.whole != nil {
		k.size, k.journal = int64(len(k.whole)), 0
	}
	k.journal += int64(k.waiting)
	k.whole, k.steps, k.waiting, k.kept = nil, nil, 0, k.revision
}

// isOlder reports whether what waits is older than what is on disk.
func (k *keeper) isOlder() bool {
	on, newest := headsOf(k.path)
	var mine head
	return json.Unmarshal(k.whole, &mine) == nil && on.place() == mine.place() && newest > k.revision
}

// status is the revision on disk, and what stands in the way of the latest.
func (k *keeper) status() (kept uint64, trouble string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last != nil {
		trouble = k.last.Error()
	}
	return k.kept, trouble
}

// extend appends to the file.
func extend(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the app's own folder
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("keeping a change of the ruleset: %w", err)
	}
	return nil
}

// replace puts a file in the place of another.
func replace(path string, text []byte) error {
	folder, name := filepath.Split(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("keeping the ruleset: %w", err)
	}
	// CreateTemp lets nobody else read it: targeting rules may name people.
	beside, err := os.CreateTemp(folder, "."+name+".*")
	if err != nil {
		return fmt.Errorf("keeping the ruleset: %w", err)
	}
	_, err = beside.Write(text)
	if err == nil {
		err = beside.Sync()
	}
	err = errors.Join(err, beside.Close())
	if err == nil {
		err = os.Rename(beside.Name(), path)
	}
	if err != nil {
		_ = os.Remove(beside.Name()) // what is left of it is in nobody's way
		return fmt.Errorf("keeping the ruleset: %w", err)
	}
	return nil
}
