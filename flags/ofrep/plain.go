package ofrep

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// PlainRequest decodes the request that nearly every client sends, {"context":{…}} with texts, numbers, booleans and nulls, in
// one pass, to the same map that encoding/json makes of it. Of anything else it says nothing (ok is false): escapes, letters
// beyond ASCII, exponents, nesting, other members, a key that is there twice, and whatever is no JSON.
func PlainRequest(body []byte) (request map[string]any, ok bool) {
	p := plain{rest: body}
	if !p.take('{') {
		return nil, false
	}
	if name, isText := p.text(); !isText || string(name) != "context" || !p.take(':') {
		return nil, false
	}
	context, ok := p.context()
	if !ok || !p.take('}') {
		return nil, false
	}
	if p.space(); len(p.rest) > 0 {
		return nil, false
	}
	return map[string]any{"context": context}, true
}

// plain is what is left to read.
type plain struct{ rest []byte }

func (p *plain) context() (map[string]any, bool) {
	if !p.take('{') {
		return nil, false
	}
	all := map[string]any{}
	if p.take('}') {
		return all, true
	}
	for {
		name, ok := p.text()
		if !ok || !p.take(':') {
			return nil, false
		}
		if _, twice := all[string(name)]; twice {
			return nil, false
		}
		value, ok := p.value()
		if !ok {
			return nil, false
		}
		all[string(name)] = value
		if !p.take(',') {
			return all, p.take('}')
		}
	}
}

func (p *plain) space() {
	for len(p.rest) > 0 && (p.rest[0] == ' ' || p.rest[0] == '\t' || p.rest[0] == '\n' || p.rest[0] == '\r') {
		p.rest = p.rest[1:]
	}
}

// take passes over the sign, and the space before it, if it is next.
func (p *plain) take(sign byte) bool {
	p.space()
	if len(p.rest) == 0 || p.rest[0] != sign {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// text is a string of ASCII without escapes, without its quotes.
func (p *plain) text() ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	for i, c := range p.rest {
		switch {
		case c == '"':
			text := p.rest[:i]
			p.rest = p.rest[i+1:]
			return text, true
		case c < ' ' || c == '\\' || c >= utf8.RuneSelf:
			return nil, false
		}
	}
	return nil, false
}

func (p *plain) value() (any, bool) {
	p.space()
	if len(p.rest) == 0 {
		return nil, false
	}
	switch p.rest[0] {
	case '"':
		text, ok := p.text()
		return string(text), ok
	case 't':
		return true, p.word("true")
	case 'f':
		return false, p.word("false")
	case 'n':
		return nil, p.word("null")
	default:
		return p.number()
	}
}

func (p *plain) word(word string) (ok bool) {
	p.rest, ok = bytes.CutPrefix(p.rest, []byte(word))
	return ok
}

// number is one without an exponent.
func (p *plain) number() (any, bool) {
	whole := 0
	if p.rest[0] == '-' {
		whole = 1
	}
	end := digits(p.rest, whole)
	if end == whole || p.rest[whole] == '0' && end > whole+1 {
		return nil, false
	}
	if end < len(p.rest) && p.rest[end] == '.' {
		fraction := end + 1
		if end = digits(p.rest, fraction); end == fraction {
			return nil, false
		}
	}
	n, err := strconv.ParseFloat(string(p.rest[:end]), 64)
	p.rest = p.rest[end:]
	return n, err == nil
}

// digits is where the digits end that begin at from.
func digits(text []byte, from int) int {
	for from < len(text) && '0' <= text[from] && text[from] <= '9' {
		from++
	}
	return from
}
