package projections

import "strings"

// Words numbers texts that occur again and again: of 100,000 flags nearly all are named "on" and "off" somewhere. A text becomes a
// word when a second thing has it, so that what belongs to one thing alone (its key, a salt) takes no room. Words stay. The zero
// value is ready. Packing is for one goroutine at a time, and for none while others read.
type Words struct {
	texts   []string
	numbers map[string]int
	once    map[string]string // texts that one thing had lately, and which
}

const (
	longestWord = 64     // bytes; longer texts are hardly ever the same
	mostWords   = 65_536 // and those that one thing has are forgotten when they are as many as
	mostOnce    = 4_096
)

// number is that of a text that a thing has, if it is a word now.
func (w *Words) number(of, text string) (n int, known bool) {
	if n, known = w.numbers[text]; known || len(text) > longestWord || len(w.texts) >= mostWords {
		return n, known
	}
	first, again := w.once[text]
	switch {
	case again && first == of:
		return 0, false
	case !again:
		if w.once == nil || len(w.once) >= mostOnce {
			w.once = map[string]string{}
		}
		w.once[strings.Clone(text)] = strings.Clone(of)
		return 0, false
	}
	delete(w.once, text)
	if w.numbers == nil {
		w.numbers = map[string]int{}
	}
	text = strings.Clone(text)
	n = len(w.texts)
	w.texts, w.numbers[text] = append(w.texts, text), n
	return n, true
}

// Of returns the word that is the same, else a copy of the text: it holds on to nothing that the text was cut out of.
func (w *Words) Of(text string) string {
	if n, known := w.numbers[text]; known {
		return w.texts[n]
	}
	return strings.Clone(text)
}
