package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assayhq/assay/flags"
)

// step is a change as the stream tells it: what to change, and of what the result is made.
type step struct {
	Delta json.RawMessage `json:"delta"`
	// ETag is that of the whole ruleset after the change.
	ETag string `json:"etag"`
	// Sum is the Ruleset.Sum after the change.
	Sum uint64 `json:"sum,string"`
}

// errAstray means that a delta was missed somewhere: the sum of what came out is not the server's.
var errAstray = errors.New("the changes do not lead to the ruleset that the server has; it is loaded as a whole")

// step applies a change to the ruleset in use. With an error everything is as it was, and the whole ruleset is needed: when the
// change does not begin at the revision in use, or its result is not made of what the server's is made of.
func (p *Provider) step(ctx context.Context, text []byte) (changed []string, err error) {
	if err := p.loading.enter(ctx); err != nil {
		return nil, err
	}
	defer p.loading.leave()
	was := p.current.Load()
	if was == nil || !was.confirmed {
		return nil, flags.ErrGap
	}
	var s step
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("a change of the ruleset is no valid JSON: %w", err)
	}
	var d flags.Delta
	if err := json.Unmarshal(s.Delta, &d); err != nil {
		return nil, fmt.Errorf("a change of the ruleset is no valid JSON: %w", err)
	}
	rules, err := was.rules.Apply(d)
	if err != nil {
		return nil, err
	}
	if rules.Sum() != s.Sum {
		return nil, errAstray
	}
	now := &loaded{rules: rules, etag: s.ETag, confirmed: true}
	p.use(now)
	p.keeper.stepped(s.Delta, rules.Revision())
	return now.changedSince(was), nil
}
