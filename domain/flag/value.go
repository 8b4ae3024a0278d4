package flag

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/assayhq/assay/domain"
)

const (
	maxValue       = 64 << 10 // bytes
	maxSafeInteger = 1 << 53
	safeDigits     = 16 // of maxSafeInteger
)

// checkValue returns the value compacted, or the end of a sentence that says what is wrong with it.
func checkValue(t Type, value json.RawMessage) (json.RawMessage, error) {
	if len(value) > maxValue {
		return nil, fmt.Errorf("has %d bytes, at most %d are allowed", len(value), maxValue)
	}
	text, ok := domain.Compact(value)
	if !ok {
		return nil, errors.New("is no JSON")
	}
	if !isOfType(t, text) {
		return nil, fmt.Errorf("is not %s, the type of the flag", article(t))
	}
	return text, nil
}

// isOfType decodes the value as the engine will, so that no recorded value can keep a ruleset from being compiled.
func isOfType(t Type, text json.RawMessage) bool {
	switch t {
	case Boolean:
		return string(text) == "true" || string(text) == "false"
	case String:
		return text[0] == '"'
	case Integer:
		return isNumber(text) && isSafeInteger(string(text))
	case Float:
		_, err := strconv.ParseFloat(string(text), 64)
		return isNumber(text) && err == nil
	case Object:
		var object map[string]any
		return text[0] == '{' && json.Unmarshal(text, &object) == nil
	}
	return false
}

func isNumber(text []byte) bool { return text[0] == '-' || text[0] >= '0' && text[0] <= '9' }

// isSafeInteger reports whether a JSON number, however it is spelled, is a whole number within ±2^53. It reads the digits,
// because as floats 2^53+1 and 0.99999999999999999999 would pass for whole numbers within the bounds.
func isSafeInteger(number string) bool {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(number, "-")), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(strings.TrimRight(whole+fraction, "0"), "0")
	if digits == "" {
		return true
	}
	scale := 0
	if exponent != "" {
		var err error
		if scale, err = strconv.Atoi(exponent); err != nil {
			return false
		}
	}
	zeros := scale - len(fraction) + len(whole+fraction) - len(strings.TrimRight(whole+fraction, "0"))
	if zeros < 0 || zeros > safeDigits || len(digits)+zeros > safeDigits {
		return false
	}
	n, err := strconv.ParseUint(digits+strings.Repeat("0", zeros), 10, 64)
	return err == nil && n <= maxSafeInteger
}

func article(t Type) string {
	switch t {
	case Integer:
		return "a whole number within ±2^53"
	case Object:
		return "a JSON object"
	case Float:
		return "a number"
	default:
		return "a " + string(t)
	}
}
