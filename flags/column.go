package flags

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// column is all the plain comparisons of a program with one attribute: whether it is among a few texts, numbers or booleans, or
// within bounds. Rules tend to ask for the same attribute again and again, so all of them are answered at once, by a look at
// the column instead of one at each condition.
type column struct {
	bits      uint64 // the conditions that it answers, and of these
	negated   uint64 // those that hold when the attribute does not match
	attribute string
	words     reach
	numbers   reach
	isKey     bool  // the attribute is the targeting key
	slot      uint8 // where operands keep the attribute; slots for nowhere
}

// columns are those of a program. What they compare with is in lists that they share, where a look at what the one has brings
// along what the next one has.
type columns struct {
	list    []column
	words   []wordHits   // of each column sorted
	numbers []numberHits // of each column sorted
	texts   []string     // of words
}

// reach is a part of a list.
type reach struct{ from, to uint32 }

// wordHits are the conditions that have a text among their values, of which this is the word, or a boolean.
type wordHits struct{ word, hits uint64 }

// The words of booleans are no text's.
const (
	wordOfFalse = 255 << 56
	wordOfTrue  = wordOfFalse | 1
)

// numberHits are the conditions that numbers from this one on match, up to the next one's.
type numberHits struct{ from, hits uint64 }

// mostWalked is how many words or numbers are looked through one by one.
const mostWalked = 8

// columnsOf finds out which of a program's conditions columns answer. Of those beyond 64 none are.
func columnsOf(conditions []condition) (out columns) {
	var of [][]int
	for i := range conditions[:min(len(conditions), 64)] {
		c := &conditions[i]
		if !c.isPlain() {
			continue
		}
		at := slices.IndexFunc(out.list, func(have column) bool { return have.attribute == c.attribute })
		if at < 0 {
			at = len(out.list)
			out.list, of = append(out.list, column{attribute: c.attribute, slot: c.slot, isKey: c.isKey}), append(of, nil)
		}
		of[at] = append(of[at], i)
	}
	for at := range out.list {
		out.fill(&out.list[at], conditions, of[at])
	}
	return out
}

// fill lists what the conditions compare with.
func (all *columns) fill(c *column, conditions []condition, of []int) {
	var values []wordText
	var spans []span
	for _, i := range of {
		from, bit := &conditions[i], uint64(1)<<i
		c.bits |= bit
		if from.negated {
			c.negated |= bit
		}
		values = append(values, from.wordTexts(bit)...)
		spans = append(spans, from.spans(bit)...)
	}
	words, numbers := len(all.words), len(all.numbers)
	all.addWords(values)
	all.numbers = append(all.numbers, numbersOf(spans)...)
	c.words, c.numbers = reachOf(words, len(all.words)), reachOf(numbers, len(all.numbers))
}

func reachOf(from, to int) reach { return reach{from: uint32(from), to: uint32(to)} } //nolint:gosec // nobody has four billion values

type wordText struct {
	wordHits
	text string
}

func (c *condition) wordTexts(bit uint64) (out []wordText) {
	for _, t := range c.texts {
		out = append(out, wordText{wordHits{wordOf(t), bit}, t})
	}
	if c.no {
		out = append(out, wordText{wordHits: wordHits{wordOfFalse, bit}})
	}
	if c.yes {
		out = append(out, wordText{wordHits: wordHits{wordOfTrue, bit}})
	}
	return out
}

// addWords adds each different value once.
func (all *columns) addWords(values []wordText) {
	slices.SortFunc(values, func(a, b wordText) int { return cmp.Or(cmp.Compare(a.word, b.word), strings.Compare(a.text, b.text)) })
	for i, v := range values {
		if i > 0 && values[i-1].word == v.word && values[i-1].text == v.text {
			all.words[len(all.words)-1].hits |= v.hits
			continue
		}
		all.words, all.texts = append(all.words, v.wordHits), append(all.texts, v.text)
	}
}

// isPlain reports whether a column can answer the condition.
func (c *condition) isPlain() bool {
	if c.more != nil || c.fold || c.set != nil {
		return false
	}
	switch c.test {
	case isAnyOf, isGreater, isAtLeast, isLess, isAtMost, isBetween:
		return true
	}
	return false
}

// span is the numbers that a condition matches, by their ranks: from one on, up to another that does not.
type span struct{ from, to, hits uint64 }

// rankOf is a number as an integer of the same order, without gaps: the number after it has the next rank. The two zeros have
// the same. What is not a number has no place in the order.
func rankOf(n float64) uint64 {
	if n == 0 {
		n = 0
	}
	b := math.Float64bits(n)
	return b ^ (uint64(int64(b)>>63) | 1<<63) //nolint:gosec // the sign, spread over all bits
}

func (c *condition) spans(bit uint64) (out []span) {
	if len(c.numbers) == 0 {
		return nil
	}
	limit := rankOf(c.limit)
	switch c.test {
	case isGreater:
		return []span{{limit + 1, math.MaxUint64, bit}}
	case isAtLeast:
		return []span{{limit, math.MaxUint64, bit}}
	case isLess:
		return []span{{0, limit, bit}}
	case isAtMost:
		return []span{{0, limit + 1, bit}}
	case isBetween:
		return []span{{limit, rankOf(c.numbers[1]) + 1, bit}}
	}
	for _, n := range c.numbers {
		out = append(out, span{rankOf(n), rankOf(n) + 1, bit})
	}
	return out
}

// numbersOf is what every number hits, at least one, so that every number is somewhere. nil when there are no spans.
func numbersOf(spans []span) (out []numberHits) {
	if len(spans) == 0 {
		return nil
	}
	type end struct {
		at, bit uint64
		by      int
	}
	var ends []end
	for _, s := range spans {
		if s.from < s.to {
			ends = append(ends, end{s.from, s.hits, 1}, end{s.to, s.hits, -1})
		}
	}
	slices.SortFunc(ends, func(a, b end) int { return cmp.Compare(a.at, b.at) })
	var within [64]int // how many spans of a condition
	out = append(out, numberHits{})
	for _, e := range ends {
		last := &out[len(out)-1]
		if last.from != e.at {
			out = append(out, numberHits{from: e.at, hits: last.hits})
			last = &out[len(out)-1]
		}
		n := &within[bits.TrailingZeros64(e.bit)]
		if *n += e.by; *n > 0 {
			last.hits |= e.bit
		} else {
			last.hits &^= e.bit
		}
	}
	return out
}

// holds are the conditions of a column that hold for the subject.
func (all *columns) holds(c *column, who *Subject) uint64 {
	if c.isKey {
		return all.hitsOfKey(c, who.key()) ^ c.negated
	}
	value := who.Attributes[c.attribute]
	if value == nil && who.Source != nil {
		value = who.attribute(c.attribute)
	}
	switch v := value.(type) { // the most frequent types first
	case string:
		words := all.words[c.words.from:c.words.to]
		if len(v) >= wordBytes || len(words) > mostWalked {
			return all.hitsOfWord(c, wordOf(v), v) ^ c.negated
		}
		return hitsOfFew(words, shortWord(v)) ^ c.negated
	case int:
		numbers := all.numbers[c.numbers.from:c.numbers.to]
		if len(numbers)-1 >= mostWalked || len(numbers) == 0 {
			return hitsOfMany(numbers, float64(v)) ^ c.negated
		}
		return hitsOfRank(numbers, rankOf(float64(v))) ^ c.negated
	default:
		o := operandOf(v)
		return all.hitsOf(c, &o) ^ c.negated
	}
}

// hitsOfKey takes an empty key for one that is missing.
func (all *columns) hitsOfKey(c *column, key string) uint64 {
	if key == "" {
		return 0
	}
	return all.hitsOf(c, &operand{kind: text, text: key})
}

// hitsOf are the conditions that the operand matches.
func (all *columns) hitsOf(c *column, o *operand) uint64 {
	switch o.kind {
	case text:
		words := all.words[c.words.from:c.words.to]
		if len(o.text) >= wordBytes || len(words) > mostWalked {
			return all.hitsOfWord(c, wordOf(o.text), o.text)
		}
		return hitsOfFew(words, shortWord(o.text))
	case number:
		numbers := all.numbers[c.numbers.from:c.numbers.to]
		if len(numbers)-1 >= mostWalked || len(numbers) == 0 || o.number != o.number { //nolint:gocritic // not a number
			return hitsOfMany(numbers, o.number)
		}
		return hitsOfRank(numbers, rankOf(o.number))
	case truth:
		if o.truth {
			return all.hitsOfWord(c, wordOfTrue, "")
		}
		return all.hitsOfWord(c, wordOfFalse, "")
	}
	return 0
}

// hitsOfFew is for a text that its word tells, among few. It looks at all of them: nobody can foresee which it is, and a branch
// foreseen wrongly takes longer.
func hitsOfFew(words []wordHits, word uint64) (hits uint64) {
	for i := range words {
		same := uint64(0)
		if words[i].word == word {
			same = math.MaxUint64
		}
		hits |= words[i].hits & same
	}
	return hits
}

// hitsOfWord is for a text that its word does not tell, or one among many.
//
//go:noinline
func (all *columns) hitsOfWord(c *column, word uint64, text string) uint64 {
	words := all.words[c.words.from:c.words.to]
	at, _ := slices.BinarySearchFunc(words, word, func(have wordHits, word uint64) int { return cmp.Compare(have.word, word) })
	for ; at < len(words) && words[at].word == word; at++ {
		if all.texts[int(c.words.from)+at] == text {
			return words[at].hits
		}
	}
	return 0
}

// hitsOfRank is for a number among few, at least one; it looks at all of them, too.
func hitsOfRank(numbers []numberHits, rank uint64) uint64 {
	at := -1
	for i := range numbers {
		more := 0
		if rank >= numbers[i].from {
			more = 1
		}
		at += more
	}
	return numbers[at].hits
}

// hitsOfMany is for a number among many, or among none, or for what is not a number.
//
//go:noinline
func hitsOfMany(numbers []numberHits, n float64) uint64 {
	if n != n || len(numbers) == 0 { //nolint:gocritic // not a number
		return 0
	}
	at, found := slices.BinarySearchFunc(numbers, rankOf(n), func(have numberHits, rank uint64) int { return cmp.Compare(have.from, rank) })
	if !found {
		at--
	}
	return numbers[at].hits
}

// answer evaluates all conditions of the column, for a subject whose attribute may have been read before.
func (l *look) answer(c *column, who *Subject) {
	l.evaluated |= c.bits
	if c.slot >= slots {
		l.holds |= l.program.holds(c, who)
		return
	}
	o := &l.seen.at[c.slot]
	if o.kind == unread {
		if c.isKey {
			o.readKey(who)
		} else {
			o.open(who.attribute(c.attribute))
		}
	}
	l.holds |= l.program.hitsOf(c, o) ^ c.negated
}
