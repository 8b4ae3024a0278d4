// Package ofrep is the OpenFeature Remote Evaluation Protocol (version 0.3 of open-feature/protocol) without its HTTP: from a
// ruleset and the body of a request to status and body of the answer. It is for servers; what goes beyond the protocol's text
// is there because a shipped client of some language needs it, and says so.
package ofrep

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/assayhq/assay/flags"
)

// Statuses of answers.
const (
	ok         = 200
	badRequest = 400
	notFound   = 404
)

// ParseContext reads a decoded request. A request without context, an empty one, and a context without targeting key are all
// fine: several SDKs send them. The failure body, for status 400, is nil when there is none.
func ParseContext(request map[string]any, key string) (who flags.Subject, failure []byte) {
	context, isObject := request["context"].(map[string]any)
	if !isObject && request["context"] != nil {
		return who, problem(key, "INVALID_CONTEXT", "context must be an object")
	}
	if id, there := context[flags.TargetingKey]; there && id != nil {
		text, isText := id.(string)
		if !isText {
			return who, problem(key, "INVALID_CONTEXT", "targetingKey must be a string")
		}
		who.Key = text
	}
	who.Attributes = context
	return who, nil
}

// Evaluate answers for one flag.
func Evaluate(rs *flags.Ruleset, key string, who flags.Subject) (status int, body []byte) {
	d := rs.Decide(key, who)
	switch d.ErrorCode {
	case "":
		return ok, success(rs, key, d)
	case flags.FlagNotFound:
		return notFound, problem(key, string(d.ErrorCode), fmt.Sprintf("there is no flag %q in %s/%s", key, rs.Project(), rs.Environment()))
	default:
		return badRequest, problem(key, string(d.ErrorCode), sentence(d.ErrorCode))
	}
}

// EvaluateAll answers for all flags, sorted by key; one that cannot be evaluated says so among the others.
func EvaluateAll(rs *flags.Ruleset, who flags.Subject) []byte {
	out := append(make([]byte, 0, 64+rs.Len()*160), `{"flags":[`...)
	first := true
	for key, d := range rs.All(who) {
		if !first {
			out = append(out, ',')
		}
		first = false
		if d.ErrorCode == "" {
			out = append(out, success(rs, key, d)...)
		} else {
			out = append(out, problem(key, string(d.ErrorCode), sentence(d.ErrorCode))...)
		}
	}
	out = append(out, `],"metadata":`...)
	out = append(out, metadata(rs, flags.Decision{})...)
	return append(out, '}')
}

// ETag is a strong tag of EvaluateAll's answer: it changes when the ruleset does and when any attribute that a rule looks at
// does. A tag of the ruleset alone would not do, because web clients keep it when their context changes.
func ETag(rs *flags.Ruleset, who flags.Subject) string {
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%s/%s@%d\n", rs.Project(), rs.Environment(), rs.Revision())
	for _, name := range rs.Attributes() {
		value := any(who.Key)
		if name != flags.TargetingKey {
			value = who.Attributes[name]
		}
		text, err := json.Marshal(value)
		if err != nil {
			text = nil // it came from JSON, so this does not happen; an attribute without a text counts as missing
		}
		_, _ = fmt.Fprintf(hash, "%q=%s\n", name, text)
	}
	return `"` + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:18]) + `"`
}

// success is an evaluation. The value keeps its type in the JSON text (4.0 is a float, 4 an integer), which Java and Python
// clients tell apart; variant, reason and metadata are always there, which Python, Ruby and Java need.
func success(rs *flags.Ruleset, key string, d flags.Decision) []byte {
	out := append(make([]byte, 0, 192), `{"key":`...)
	out = strconv.AppendQuote(out, key) // keys are plain ASCII, so Go's quoting is JSON's
	out = append(out, `,"value":`...)
	out = append(out, d.Value.JSON()...)
	out = append(out, `,"reason":"`...)
	out = append(out, d.Reason...)
	out = append(out, `","variant":`...)
	variant, err := json.Marshal(d.Variant)
	if err != nil {
		variant = []byte(`""`) // a string always encodes
	}
	out = append(out, variant...)
	out = append(out, `,"metadata":`...)
	out = append(out, metadata(rs, d)...)
	return append(out, '}')
}

// metadata is flat, as the protocol asks; the names are those of OpenFeature's telemetry conventions.
func metadata(rs *flags.Ruleset, d flags.Decision) []byte {
	out := fmt.Appendf(nil, `{"flagSetId":"%s/%s","version":"%d"`, rs.Project(), rs.Environment(), rs.Revision())
	if d.Experiment != "" {
		out = fmt.Appendf(out, `,"experiment":%q`, d.Experiment)
	}
	return append(out, '}')
}

// problem is a failure; errorDetails is always a string, because Python clients index it.
func problem(key, code, details string) []byte {
	body := struct {
		Key          string `json:"key,omitempty"`
		ErrorCode    string `json:"errorCode"`
		ErrorDetails string `json:"errorDetails"`
	}{key, code, details}
	text, err := json.Marshal(body)
	if err != nil {
		return []byte(`{"errorCode":"GENERAL","errorDetails":""}`) // strings always encode
	}
	return text
}

// Problem is the body of an answer that something other than evaluation refuses.
func Problem(key, code, details string) []byte { return problem(key, code, details) }

func sentence(code flags.ErrorCode) string {
	switch code {
	case flags.TargetingKeyMissing:
		return "the flag is split by unit and the context has no targetingKey; send one"
	case flags.ParseError:
		return "the flag cannot be served by this version of the server; see its problems"
	default:
		return "the flag cannot be evaluated"
	}
}
