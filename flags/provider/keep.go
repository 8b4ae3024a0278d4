package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// keeper keeps the ruleset in use on disk, for the next start without a server. The file is a ruleset like the server's, and
// is always whole: it is written beside its place and then moved there.
type keeper struct {
	provider *Provider
	path     string // empty: nothing is kept
	news     chan struct{}

	mu   sync.Mutex
	kept uint64 // the revision on disk, as far as this process knows
	last error  // why the last attempt to keep one failed
}

// newKeeper makes a keeper. The name of its file tells keys and servers apart without telling them.
func newKeeper(p *Provider) *keeper {
	k := &keeper{provider: p, news: make(chan struct{}, 1)}
	if p.config.KeepIn != "" {
		sum := sha256.Sum256([]byte(p.config.URL + "\x00" + p.config.Key))
		k.path = filepath.Join(p.config.KeepIn, "assay-"+hex.EncodeToString(sum[:8])+".json")
	}
	return k
}

// changed says that another ruleset is in use.
func (k *keeper) changed() {
	select {
	case k.news <- struct{}{}:
	default:
	}
}

// run keeps what comes until ctx ends, and then what has come last. Between two files there is a pause, and the longer
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
			wait = max(k.provider.pace.keep, 20*time.Since(began))
		}
	}
	k.keep()
}

// keep writes the ruleset in use, unless the file has it or (another process's) something newer.
func (k *keeper) keep() {
	now := k.provider.current.Load()
	if now == nil || !now.confirmed {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == now.rules.Revision() {
		return
	}
	if on := headOf(k.path); on.place() == placeOf(now.rules) && on.Revision > now.rules.Revision() && k.provider.config.AcceptOlderAfter <= 0 {
		return
	}
	if k.last = write(k.path, now); k.last == nil {
		k.kept = now.rules.Revision()
	}
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

func write(path string, l *loaded) error {
	text, err := json.Marshal(l.snapshot)
	if err != nil {
		return fmt.Errorf("keeping the ruleset: %w", err)
	}
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
	if closed := beside.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(beside.Name(), path)
	}
	if err != nil {
		_ = os.Remove(beside.Name()) // what is left of it is in nobody's way
		return fmt.Errorf("keeping the ruleset: %w", err)
	}
	return nil
}

// head is the beginning of a ruleset.
type head struct {
	Project, Environment string
	Revision             uint64
}

func (h head) place() string { return h.Project + "/" + h.Environment }

// headOf reads the beginning of a file, which says how new it is; the zero head when it cannot be read.
func headOf(path string) (h head) {
	f, err := os.Open(path) //nolint:gosec // the app's own folder
	if err != nil {
		return head{}
	}
	defer f.Close() //nolint:errcheck // it was only read
	front := json.NewDecoder(io.LimitReader(f, 4<<10))
	if _, err := front.Token(); err != nil {
		return head{}
	}
	for h.Project == "" || h.Environment == "" || h.Revision == 0 {
		name, err := front.Token()
		if err != nil {
			return head{}
		}
		into := any(&json.RawMessage{})
		switch name {
		case "project":
			into = &h.Project
		case "environment":
			into = &h.Environment
		case "revision":
			into = &number{&h.Revision}
		}
		if front.Decode(into) != nil {
			return head{}
		}
	}
	return h
}

// number reads a revision, which is a text in JSON.
type number struct{ value *uint64 }

// UnmarshalJSON reads it.
func (n *number) UnmarshalJSON(text []byte) (err error) {
	*n.value, err = strconv.ParseUint(strings.Trim(string(text), `"`), 10, 64)
	return err
}

// recall puts the newest ruleset on disk into use, of the kept one and the bootstrap, when none is in use yet. The errors say
// what is wrong with those that could not be used; that there is none kept yet is none.
func (p *Provider) recall() error {
	if p.current.Load() != nil {
		return nil
	}
	kept, err := p.recallFrom(p.keeper.path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	bootstrap, err2 := p.recallFrom(p.config.Bootstrap)
	best := kept
	if best == nil || bootstrap != nil && placeOf(bootstrap.rules) == placeOf(best.rules) && bootstrap.rules.Revision() > best.rules.Revision() {
		best = bootstrap
	}
	if best != nil {
		p.use(best)
	}
	return errors.Join(err, err2)
}

func (p *Provider) recallFrom(path string) (*loaded, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path) //nolint:gosec // the app names the file
	if err != nil {
		return nil, fmt.Errorf("starting from a file: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	l, err := readRuleset(f, p.config.MaxRulesetBytes)
	if err == nil {
		err = p.acceptable(nil, l.rules)
	}
	if err != nil {
		return nil, fmt.Errorf("starting from %s: %w", path, err)
	}
	return l, nil
}
