package jsonlogic

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// textOf is a number as texts have it.
func textOf(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// textFrom converts as texts do: null is empty, and what is neither text nor number is an error.
func textFrom(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case float64:
		return textOf(v), nil
	}
	return "", fmt.Errorf("a text is made of texts and numbers, not of %T", value)
}

var errTooLong = errors.New("the rule makes a text of more than a mebibyte; make it shorter")

// cat joins, and trims what it has joined.
func cat(f *frame, values any) (any, error) {
	if _, single := values.(string); single {
		return values, nil
	}
	l, err := listOf(values, 0)
	if err != nil {
		return nil, err
	}
	var joined strings.Builder
	for _, v := range l {
		text, err := textFrom(v)
		if err != nil {
			return nil, err
		}
		if joined.Len()+len(text) > maxText {
			return nil, errTooLong
		}
		if err := f.run.spend(len(text) / 64); err != nil {
			return nil, err
		}
		joined.WriteString(text)
	}
	if len(l) == 1 {
		return joined.String(), nil
	}
	return strings.TrimSpace(joined.String()), nil
}

func substr(_ *frame, values any) (any, error) {
	l, err := listOf(values, 2)
	if err != nil {
		return nil, err
	}
	text, err := textFrom(l[0])
	if err != nil {
		return nil, err
	}
	start, err := numberFrom(l[1])
	if err != nil {
		return nil, err
	}
	runes := []rune(text)
	from := int(start)
	if from < 0 {
		from += len(runes)
	}
	if from < 0 || from > len(runes) {
		return text, nil
	}
	to := from + len(runes)
	if len(l) == 3 {
		length, err := numberFrom(l[2])
		if err != nil {
			return nil, err
		}
		to = from + int(length)
		if length := int(length); length < 0 {
			to = len(runes) + length
		}
	}
	to = min(to, len(runes))
	if to < from {
		return nil, errors.New("substr ends before it begins")
	}
	return string(runes[from:to]), nil
}

// twoTexts are the arguments of starts_with and ends_with; anything else makes them null.
func twoTexts(values any) (text, part string, ok bool) {
	l, _ := values.([]any)
	if len(l) != 2 {
		return "", "", false
	}
	text, isText := l[0].(string)
	part, areTexts := l[1].(string)
	return text, part, isText && areTexts
}

func startsWith(_ *frame, values any) (any, error) {
	if text, part, ok := twoTexts(values); ok {
		return strings.HasPrefix(text, part), nil
	}
	return nil, nil
}

func endsWith(_ *frame, values any) (any, error) {
	if text, part, ok := twoTexts(values); ok {
		return strings.HasSuffix(text, part), nil
	}
	return nil, nil
}
