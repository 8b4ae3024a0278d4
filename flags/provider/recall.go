package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/assayhq/assay/flags"
)

// head is what a ruleset and a delta say about themselves.
type head struct {
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Revision    uint64 `json:"revision,string"`
}

func (h head) place() string { return h.Project + "/" + h.Environment }

// headsOf reads a file's ruleset's head, and the newest revision in the file; nothing when it cannot be read.
func headsOf(path string) (first head, newest uint64) {
	text, err := os.ReadFile(path) //nolint:gosec // the app's own folder
	if err != nil {
		return head{}, 0
	}
	for i, line := range bytes.Split(text, []byte("\n")) {
		var h head
		if json.Unmarshal(line, &h) != nil {
			break
		}
		if i == 0 {
			first = h
		}
		newest = max(newest, h.Revision)
	}
	return first, newest
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
	text, err := readAll(f, 2*p.config.MaxRulesetBytes+leastJournal)
	if err != nil {
		return nil, fmt.Errorf("starting from %s: %w", path, err)
	}
	l, err := p.remembered(text)
	if err != nil {
		return nil, fmt.Errorf("starting from %s: %w", path, err)
	}
	return l, nil
}

// remembered is the ruleset of a file: the one at its beginning, and the deltas that continue it.
func (p *Provider) remembered(text []byte) (*loaded, error) {
	lines := json.NewDecoder(bytes.NewReader(text))
	var first json.RawMessage
	if err := lines.Decode(&first); err != nil {
		return nil, fmt.Errorf("the ruleset is no valid JSON: %w", err)
	}
	if int64(len(first)) > p.config.MaxRulesetBytes {
		return nil, errTooLarge
	}
	l, err := compile(first)
	if err != nil {
		return nil, err
	}
	if err := p.acceptable(nil, l.rules); err != nil {
		return nil, err
	}
	for {
		var d flags.Delta
		if lines.Decode(&d) != nil {
			return l, nil // the end, or a torn line
		}
		next, err := l.rules.Apply(d)
		switch {
		case err == nil:
			l.rules = next
		case d.Revision > l.rules.Revision():
			return l, nil // something is missing in between
		}
	}
}
