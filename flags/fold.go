package flags

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Ignoring case is Unicode's simple case folding: two runes are the same when one leads to the other by unicode.SimpleFold.
// The representative of such an orbit is its smallest rune, except that ASCII letters are represented in lower case.

func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if least < utf8.RuneSelf {
		return foldRune(least) // the Kelvin sign is a k
	}
	return least
}

func foldText(s string) string { return strings.Map(foldRune, s) }

// equalFolded compares a text with a folded one.
func equalFolded(v, folded string) bool {
	rest, ok := cutFolded(v, folded)
	return ok && rest == ""
}

func startsFolded(v, folded string) bool {
	_, ok := cutFolded(v, folded)
	return ok
}

// cutFolded is what follows in v after the folded text, when v begins with it.
func cutFolded(v, folded string) (rest string, ok bool) {
	for folded != "" {
		if v == "" {
			return v, false
		}
		want, wide := utf8.DecodeRuneInString(folded)
		got, size := utf8.DecodeRuneInString(v)
		if foldRune(got) != want {
			return v, false
		}
		folded, v = folded[wide:], v[size:]
	}
	return v, true
}

func containsFolded(v, folded string) bool {
	for {
		if startsFolded(v, folded) {
			return true
		}
		if v == "" {
			return false
		}
		_, size := utf8.DecodeRuneInString(v)
		v = v[size:]
	}
}

func endsFolded(v, folded string) bool {
	for folded != "" {
		if v == "" {
			return false
		}
		want, wide := utf8.DecodeLastRuneInString(folded)
		got, size := utf8.DecodeLastRuneInString(v)
		if foldRune(got) != want {
			return false
		}
		folded, v = folded[:len(folded)-wide], v[:len(v)-size]
	}
	return true
}

// roomForFold is how long a folded text can be and still be looked up in a set of many; longer ones are compared one by one.
const roomForFold = 256

func (c *condition) hasFolded(v string) bool {
	if c.set != nil && c.longest <= roomForFold {
		var room [roomForFold + utf8.UTFMax]byte
		folded := room[:0]
		for _, r := range v {
			if folded = utf8.AppendRune(folded, foldRune(r)); len(folded) > c.longest {
				return false
			}
		}
		_, found := c.set[string(folded)] // the compiler makes no string of it
		return found
	}
	for _, t := range c.texts {
		if equalFolded(v, t) {
			return true
		}
	}
	return false
}
