package jsonlogic

import (
	"fmt"
	"math"
	"strconv"
)

// arithmetic returns the operators on numbers; nil when it is none of them.
func arithmetic(name string) func(*frame, any) (any, error) {
	switch name {
	case "+":
		return sum
	case "*":
		return product
	case "-":
		return minus
	case "/":
		return quotient
	case "%":
		return remainder
	case "max":
		return largest
	case "min":
		return smallest
	case "abs":
		return absolute
	}
	return nil
}

// numberFrom converts as arithmetic does: a text that is no number counts as 0, and anything else is an error.
func numberFrom(value any) (float64, error) {
	switch v := value.(type) {
	case float64:
		return v, nil
	case string:
		n, _ := strconv.ParseFloat(v, 64) // 0 when it is none, as in flagd
		return n, nil
	}
	return 0, fmt.Errorf("arithmetic needs numbers, not %T", value)
}

func sum(_ *frame, values any) (any, error) {
	if _, isList := values.([]any); !isList {
		return boxed(numberFrom(values))
	}
	return fold(values, 0, func(sum, n float64) float64 { return sum + n })
}

func product(_ *frame, values any) (any, error) {
	return fold(values, 1, func(product, n float64) float64 { return product * n })
}

func fold(values any, start float64, add func(a, b float64) float64) (any, error) {
	l, err := listOf(values, 0)
	if err != nil {
		return nil, err
	}
	for _, v := range l {
		n, err := numberFrom(v)
		if err != nil {
			return nil, err
		}
		start = add(start, n)
	}
	return start, nil
}

func boxed(n float64, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return n, nil
}

func minus(_ *frame, values any) (any, error) {
	if l, ok := values.([]any); ok && len(l) == 1 {
		n, err := numberFrom(l[0])
		return boxed(-1*n, err)
	}
	return chain(values, func(a, b float64) float64 { return a - b })
}

// chain applies the operator from left to right.
func chain(values any, apply func(a, b float64) float64) (any, error) {
	l, err := listOf(values, 0)
	if err != nil {
		return nil, err
	}
	if len(l) == 0 {
		return float64(0), nil
	}
	result, err := numberFrom(l[0])
	if err != nil {
		return nil, err
	}
	for _, v := range l[1:] {
		n, err := numberFrom(v)
		if err != nil {
			return nil, err
		}
		result = apply(result, n)
	}
	return result, nil
}

func remainder(_ *frame, values any) (any, error) {
	l, err := listOf(values, 2)
	if err != nil {
		return nil, err
	}
	return chain(l[:2], math.Mod)
}

func quotient(_ *frame, values any) (any, error) {
	return chain(values, func(a, b float64) float64 { return a / b })
}

func largest(_ *frame, values any) (any, error) {
	return extreme(values, func(a, b float64) bool { return a > b })
}

func smallest(_ *frame, values any) (any, error) {
	return extreme(values, func(a, b float64) bool { return a < b })
}

func extreme(values any, better func(a, b float64) bool) (any, error) {
	l, err := listOf(values, 0)
	if err != nil || len(l) == 0 {
		return nil, err
	}
	return chain(l, func(best, n float64) float64 {
		if better(n, best) {
			return n
		}
		return best
	})
}

func absolute(_ *frame, values any) (any, error) {
	if l, ok := values.([]any); ok {
		if len(l) == 0 {
			return nil, errNoList
		}
		values = l[0]
	}
	n, err := numberFrom(values)
	return boxed(math.Abs(n), err)
}
