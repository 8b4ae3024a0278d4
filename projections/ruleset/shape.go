package ruleset

import (
	"encoding/json"
	"strings"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/flags"
)

// shape is a flag as an environment serves it: its JSON, and what must be known without reading that. It never changes, and
// environments that serve the same share it. There may be hundreds of thousands.
type shape struct {
	key      string
	revision uint64
	text     string
	stream   string
	asks     []domain.SegmentKey
}

var _ flags.Kept = (*shape)(nil)

func newShape(f flags.Flag, stream string, asks []domain.SegmentKey) (*shape, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return &shape{key: f.Key, revision: f.Revision, text: string(text), stream: stream, asks: asks}, nil
}

// Flag reads the text.
func (s *shape) Flag() (*flags.Flag, error) {
	var f flags.Flag
	if err := json.Unmarshal([]byte(s.text), &f); err != nil {
		return nil, err
	}
	f.Key = s.key // the same text, held once
	return &f, nil
}

// isLike reports whether the other one serves the same, at whatever revision.
func (s *shape) isLike(other *shape) bool {
	before, after := aroundRevision(s.text)
	otherBefore, otherAfter := aroundRevision(other.text)
	return before == otherBefore && after == otherAfter
}

// aroundRevision cuts the revision out of a flag's text. Before it are a key and a type, in which a quote has a backslash.
func aroundRevision(text string) (before, after string) {
	before, after, _ = strings.Cut(text, `"revision":"`)
	_, after, _ = strings.Cut(after, `"`)
	return before, after
}
