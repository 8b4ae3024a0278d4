package flag

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/flags/jsonlogic"
)

// Logic is a rule of flagd's, kept because conditions cannot say it. It decides what no rule matches: it names a variant, or
// answers null, and then the targeting goes on as if there were no logic.
type Logic struct {
	// Rule is the JSONLogic expression, compacted, without references to shared rules.
	Rule json.RawMessage `json:"rule"`
	// Fractional is the version of its fractional: "flagd/1" up to flagd core 0.14, "flagd/2" from 0.15 on. It is recorded,
	// so that nobody is ever re-bucketed by an upgrade.
	Fractional string `json:"fractional"`
}

// The versions of flagd's fractional.
const (
	FractionalV1 = "flagd/1"
	FractionalV2 = "flagd/2"
)

const maxLogic = 64 << 10 // bytes

// checkLogic returns the logic with its rule compacted and its fractional named; nil for none. Whatever flagd would only find
// out while it evaluates is refused here.
func checkLogic(l *Logic) (*Logic, error) {
	if l == nil || len(bytes.TrimSpace(l.Rule)) == 0 || string(bytes.TrimSpace(l.Rule)) == "null" {
		return nil, nil
	}
	out := Logic{Fractional: l.Fractional}
	version := jsonlogic.FractionalV2
	switch l.Fractional {
	case "":
		out.Fractional = FractionalV2
	case FractionalV2:
	case FractionalV1:
		version = jsonlogic.FractionalV1
	default:
		return nil, domain.Invalid("/logic/fractional", "there is no version %q of fractional; leave it out for %s", l.Fractional, FractionalV2).WithCode("unknown_algorithm")
	}
	text, ok := domain.Compact(l.Rule)
	if !ok || len(text) > maxLogic || text[0] != '{' {
		return nil, domain.Invalid("/logic/rule", "a rule is a JSON object of at most %d bytes, like {\"if\": [...]}", maxLogic).WithCode("bad_logic")
	}
	if _, err := jsonlogic.Compile(text, nil, version); err != nil {
		return nil, domain.Invalid("/logic/rule", "the rule cannot be evaluated: %s", err.Error()).WithCode("bad_logic")
	}
	out.Rule = text
	return &out, nil
}

// names reports whether the rule has the variant's key as a text in it. What a rule computes nobody knows.
func (l *Logic) names(key domain.VariantKey) bool {
	return l != nil && (bytes.Contains(l.Rule, []byte(strconv.Quote(string(key)))) || bytes.Contains(l.Rule, []byte(`"`+string(key)+`"`)))
}
