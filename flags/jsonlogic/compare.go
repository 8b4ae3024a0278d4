package jsonlogic

import (
	"math"
	"strconv"
	"strings"
)

// compare applies a comparison to two values, or to three, the middle one with both others.
func compare(values any, holds func(a, b any) bool) (bool, error) {
	l, err := listOf(values, 0)
	if err != nil || len(l) < 2 {
		return false, err
	}
	return holds(l[0], l[1]), nil
}

// between does that for the comparisons of which three values make a range.
func between(values any, holds func(a, b any) bool) (bool, error) {
	l, err := listOf(values, 0)
	if err != nil || len(l) < 2 {
		return false, err
	}
	return holds(l[0], l[1]) && (len(l) != 3 || holds(l[1], l[2])), nil
}

func less(a, b any) bool {
	x, isText := a.(string)
	y, areTexts := b.(string)
	if isText && areTexts {
		return x < y
	}
	return asNumber(a) < asNumber(b)
}

func greater(a, b any) bool { return less(b, a) }
func atMost(a, b any) bool  { return less(a, b) || equal(a, b) }
func atLeast(a, b any) bool { return less(b, a) || equal(a, b) }

// equal converts before it compares; null equals nothing but null.
func equal(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	x, isText := a.(string)
	y, areTexts := b.(string)
	if isText && areTexts {
		return x == y
	}
	return asNumber(a) == asNumber(b)
}

// identical does not convert. Lists and objects are never identical.
func identical(values any) bool {
	l, ok := values.([]any)
	if !ok || len(l) < 2 {
		return false
	}
	switch a := l[0].(type) {
	case nil:
		return l[1] == nil
	case bool:
		b, same := l[1].(bool)
		return same && a == b
	case string:
		b, same := l[1].(string)
		return same && a == b
	case float64:
		b, same := l[1].(float64)
		return same && a == b
	}
	return false
}

// asNumber converts as comparisons do: whatever is no number becomes one that equals nothing.
func asNumber(value any) float64 {
	switch v := value.(type) {
	case nil:
		return 0
	case float64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	case string:
		if strings.TrimSpace(v) == "" {
			return 0
		}
		if n, err := strconv.ParseFloat(v, 64); err == nil {
			return n
		}
	}
	return math.NaN()
}
