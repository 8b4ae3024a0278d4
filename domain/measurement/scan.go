package measurement

import (
	"bytes"
	"encoding/json"
)

// scanner reads JSON from its beginning to its end, once, without decoding what nobody asked for. It knows objects and
// scalars only, because an item holds nothing else. FuzzParse holds it to encoding/json.
type scanner struct {
	text []byte
	at   int
}

// peek skips white space and returns the byte there, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take skips white space and the byte, if it is there.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// scalar reads a string, a number, true, false or null.
func (s *scanner) scalar() (value []byte, ok bool) {
	c := s.peek()
	start := s.at
	switch {
	case c == '"':
		_, ok = s.str()
	case c == '-' || c >= '0' && c <= '9':
		ok = s.number()
	default:
		ok = s.word("null") || s.word("true") || s.word("false")
	}
	return s.text[start:s.at], ok
}

func (s *scanner) word(word string) bool {
	if len(s.text)-s.at < len(word) || string(s.text[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

// str reads the string that begins here and reports whether it is plain: the same with and without JSON's escapes.
func (s *scanner) str() (plain, ok bool) {
	plain = true
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return plain, true
		case c == '\\':
			plain = false
			if !s.escaped() {
				return false, false
			}
		case c < ' ':
			return false, false
		}
	}
	return false, false
}

// escaped moves to the last byte of the escape sequence that begins here.
func (s *scanner) escaped() bool {
	if s.at++; s.at >= len(s.text) {
		return false
	}
	switch s.text[s.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if s.at++; s.at >= len(s.text) || !isHex(s.text[s.at]) {
				return false
			}
		}
		return true
	}
	return false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// number reads a number as RFC 8259 spells it.
func (s *scanner) number() bool {
	if s.text[s.at] == '-' {
		s.at++
	}
	if s.at < len(s.text) && s.text[s.at] == '0' {
		s.at++
	} else if !s.digits() {
		return false
	}
	if s.at < len(s.text) && s.text[s.at] == '.' {
		if s.at++; !s.digits() {
			return false
		}
	}
	if s.at < len(s.text) && s.text[s.at]|0x20 == 'e' {
		if s.at++; s.at < len(s.text) && (s.text[s.at] == '+' || s.text[s.at] == '-') {
			s.at++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

// unquote decodes a string that str has read, quotes included.
func unquote(value []byte) string {
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1])
	}
	var text string
	_ = json.Unmarshal(value, &text) // str has seen that it is a string
	return text
}
