package flags

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
)

// IDs is an immutable set of texts, made for up to millions of unit ids: one block of memory without pointers, and exact. The
// zero value is the empty set. In JSON it is a list of texts, sorted by their bytes.
type IDs struct{ set *idSet }

// idSet holds the texts one behind the other, sorted. Looking one up hashes it to a place in table.
type idSet struct {
	table []idEntry // a power of two long, at most three quarters full
	seed  uint64
	text  string
	ends  []uint32 // of each text
}

// idEntry is where a text starts, in its lower half; then its length, mostSized for that or longer; then a part of its hash, by
// which nearly all other texts are told without a look at them. 0 is no entry.
type idEntry uint64

const mostSized = 255

func entryOf(hash uint64, start uint32, size int) idEntry {
	return idEntry(hash>>40|1)<<40 | idEntry(min(size, mostSized))<<32 | idEntry(start) //nolint:gosec // sizes are not negative
}

// maxIDBytes bounds the texts of a set together.
const maxIDBytes = math.MaxUint32

// NewIDs makes a set of the texts, which may come in any order and repeatedly.
func NewIDs(texts ...string) IDs {
	sorted := slices.Clone(texts)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	size := 0
	for _, t := range sorted {
		size += len(t)
	}
	b := newIDBuilder(len(sorted), size)
	for _, t := range sorted {
		b.add(t)
	}
	return b.ids()
}

// Len is how many texts there are.
func (i IDs) Len() int {
	if i.set == nil {
		return 0
	}
	return len(i.set.ends)
}

// IsZero reports whether the set is empty.
func (i IDs) IsZero() bool { return i.Len() == 0 }

// Size is how many bytes the texts have together.
func (i IDs) Size() int {
	if i.set == nil {
		return 0
	}
	return len(i.set.text)
}

// All yields the texts in order.
func (i IDs) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for n := range i.Len() {
			if !yield(i.set.at(n)) {
				return
			}
		}
	}
}

// Has reports whether the text is in the set.
func (i IDs) Has(text string) bool { return i.set != nil && i.set.has(text) }

func (s *idSet) has(text string) bool {
	hash := hashText(s.seed, text)
	like := entryOf(hash, 0, len(text))
	mask := uint64(len(s.table) - 1) //nolint:gosec // a table is never empty
	for at := hash & mask; ; at = (at + 1) & mask {
		entry := s.table[at]
		if entry == 0 {
			return false
		}
		if entry&^math.MaxUint32 == like && s.isAt(uint32(entry), text) { //nolint:gosec // the lower half on purpose
			return true
		}
	}
}

// isAt reports whether the text starts there. One that is shorter than mostSized is as long as the one that does.
func (s *idSet) isAt(start uint32, text string) bool {
	if len(text) < mostSized {
		return s.text[start:int(start)+len(text)] == text
	}
	return s.isLongAt(start, text)
}

func (s *idSet) isLongAt(start uint32, text string) bool {
	n, _ := slices.BinarySearch(s.ends, start+1) // the first text that ends behind the start
	return s.at(n) == text
}

// With returns the set with some texts more and some less; a text in both is not in it. The set itself stays as it is.
func (i IDs) With(more, less []string) IDs {
	if len(more) == 0 && len(less) == 0 {
		return i
	}
	added, removed := NewIDs(more...), NewIDs(less...)
	b := newIDBuilder(i.Len()+added.Len(), i.Size()+added.Size())
	at := 0
	for text := range i.All() {
		for at < added.Len() && added.set.at(at) < text {
			b.addUnless(removed, added.set.at(at))
			at++
		}
		if at < added.Len() && added.set.at(at) == text {
			at++
		}
		b.addUnless(removed, text)
	}
	for ; at < added.Len(); at++ {
		b.addUnless(removed, added.set.at(at))
	}
	return b.ids()
}

func (s *idSet) at(n int) string {
	if n == 0 {
		return s.text[:s.ends[0]]
	}
	return s.text[s.ends[n-1]:s.ends[n]]
}

// idBuilder takes sorted texts, each once.
type idBuilder struct {
	text strings.Builder
	ends []uint32
}

func newIDBuilder(count, size int) *idBuilder {
	b := &idBuilder{ends: make([]uint32, 0, count)}
	b.text.Grow(size)
	return b
}

func (b *idBuilder) add(text string) {
	if b.text.Len()+len(text) > maxIDBytes {
		return // four billion bytes of ids are refused long before; see maxIDBytes
	}
	b.text.WriteString(text)
	b.ends = append(b.ends, uint32(b.text.Len())) //nolint:gosec // checked above
}

func (b *idBuilder) addUnless(in IDs, text string) {
	if !in.Has(text) {
		b.add(text)
	}
}

func (b *idBuilder) ids() IDs {
	if len(b.ends) == 0 {
		return IDs{}
	}
	size := 4
	for size < len(b.ends)+len(b.ends)/3 {
		size *= 2
	}
	s := &idSet{text: b.text.String(), ends: b.ends, seed: newSeed(), table: make([]idEntry, size)}
	mask, start := uint64(size-1), uint32(0) //nolint:gosec // at least 3
	for n, end := range s.ends {
		text := s.at(n)
		hash := hashText(s.seed, text)
		at := hash & mask
		for s.table[at] != 0 {
			at = (at + 1) & mask
		}
		s.table[at] = entryOf(hash, start, len(text))
		start = end
	}
	return IDs{set: s}
}

// MarshalJSON writes the list.
func (i IDs) MarshalJSON() ([]byte, error) {
	out := append(make([]byte, 0, i.Size()+3*i.Len()+2), '[')
	for text := range i.All() {
		if len(out) > 1 {
			out = append(out, ',')
		}
		quoted, err := appendQuoted(out, text)
		if err != nil {
			return nil, err
		}
		out = quoted
	}
	return append(out, ']'), nil
}

// appendQuoted appends the text as JSON; ids are ASCII without anything to escape, as a rule.
func appendQuoted(out []byte, text string) ([]byte, error) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(text)
			return append(out, quoted...), err
		}
	}
	return append(append(append(out, '"'), text...), '"'), nil
}

// UnmarshalJSON reads a list of texts, sorted or not.
func (i *IDs) UnmarshalJSON(list []byte) error {
	texts, err := readTexts(list)
	if err != nil {
		return err
	}
	*i = NewIDs(texts...)
	return nil
}

var errNoIDs = errors.New("a list of ids is a JSON array of texts")

// readTexts reads a valid JSON array. The texts share one copy of the list.
func readTexts(list []byte) ([]string, error) {
	whole := string(bytes.TrimSpace(list))
	if whole == "null" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(whole, "[")
	if !ok {
		return nil, errNoIDs
	}
	out := make([]string, 0, strings.Count(rest, `"`)/2)
	for {
		rest = strings.TrimLeft(rest, " \t\r\n,")
		if rest == "]" {
			return out, nil
		}
		if rest == "" || rest[0] != '"' {
			return nil, errNoIDs
		}
		text, size, err := readText(rest)
		if err != nil {
			return nil, err
		}
		out, rest = append(out, text), rest[size:]
	}
}

// readText reads the JSON text at the beginning, which has size bytes.
func readText(s string) (text string, size int, err error) {
	end := endOfText(s)
	if end == 0 || s[end] != '"' {
		return "", 0, errNoIDs
	}
	text = s[1:end]
	if !strings.Contains(text, "\\") {
		return strings.ToValidUTF8(text, "\uFFFD"), end + 1, nil
	}
	if err := json.Unmarshal([]byte(s[:end+1]), &text); err != nil {
		return "", 0, fmt.Errorf("reading a list of ids: %w", err)
	}
	return text, end + 1, nil
}

// endOfText is where the closing quote of the text at the beginning is; the last byte when there is none.
func endOfText(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(s) - 1
}
