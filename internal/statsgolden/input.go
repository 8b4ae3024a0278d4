package main

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/assayhq/assay/stats"
)

// number is a float64 that also reads the texts by which the schema writes what JSON cannot.
type number float64

// UnmarshalJSON reads a number or its text.
func (n *number) UnmarshalJSON(text []byte) error {
	var word string
	if json.Unmarshal(text, &word) == nil && len(text) > 0 && text[0] == '"' {
		x, known := specialNumber(word)
		if !known {
			return fmt.Errorf("%q is no number", word)
		}
		*n = number(x)
		return nil
	}
	return json.Unmarshal(text, (*float64)(n))
}

// count is a whole number. What is none (1.5, NaN, an infinity, too large) becomes a negative one, which every method refuses.
type count int64

// UnmarshalJSON reads a whole number, also one written like 10.0.
func (c *count) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, (*int64)(c)) == nil {
		return nil
	}
	var x number
	if err := json.Unmarshal(text, &x); err != nil {
		return err
	}
	*c = math.MinInt64
	if v := float64(x); v == math.Trunc(v) && math.Abs(v) < 1<<63 {
		*c = count(v)
	}
	return nil
}

// decode reads an input into its shape.
func decode[T any](input json.RawMessage) (T, error) {
	var in T
	if err := json.Unmarshal(input, &in); err != nil {
		return in, &stats.Error{Kind: stats.InvalidInput, Sentence: err.Error()}
	}
	return in, nil
}

// with makes a method of a function from an input's shape.
func with[T any](compute func(T) (values, error)) method {
	return func(input json.RawMessage) (values, error) {
		in, err := decode[T](input)
		if err != nil {
			return nil, err
		}
		return compute(in)
	}
}

func floats(list []number) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = float64(v)
	}
	return out
}

func counts(list []count) []int64 {
	out := make([]int64, len(list))
	for i, v := range list {
		out[i] = int64(v)
	}
	return out
}
