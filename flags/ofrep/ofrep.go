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
		return who, Problem(key, "INVALID_CONTEXT", "context must be an object")
	}
	if id, there := context[flags.TargetingKey]; there && id != nil {
		text, isText := id.(string)
		if !isText {
			return who, Problem(key, "INVALID_CONTEXT", "targetingKey must be a string")
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
		common := commonMetadata(rs)
		return ok, appendSuccess(make([]byte, 0, 128+len(common.all)), common, key, d)
	case flags.FlagNotFound:
		return notFound, Problem(key, string(d.ErrorCode), fmt.Sprintf("there is no flag %q in %s/%s", key, rs.Project(), rs.Environment()))
	default:
		return badRequest, Problem(key, string(d.ErrorCode), sentence(d.ErrorCode))
	}
}

// inactivityDelay is how many seconds a page may be hidden before its client closes the event stream.
const inactivityDelay = 120

// EvaluateAll answers for all flags, sorted by key; one that cannot be evaluated says so among the others. events is the
// request URI of the stream of change events; without it the client is told of none.
func EvaluateAll(rs *flags.Ruleset, who flags.Subject, events string) []byte {
	common := commonMetadata(rs)
	out := append(make([]byte, 0, 64+rs.Len()*(128+len(common.all))), `{"flags":[`...)
	first := true
	for key, d := range rs.All(who) {
		if !first {
			out = append(out, ',')
		}
		first = false
		if d.ErrorCode == "" {
			out = appendSuccess(out, common, key, d)
		} else {
			out = append(out, Problem(key, string(d.ErrorCode), sentence(d.ErrorCode))...)
		}
	}
	out = append(out, `],"metadata":`...)
	out = append(out, common.all...)
	out = append(out, '}')
	if events != "" {
		// The URI without an origin: clients resolve it against the address they know the server by.
		out = append(out, `,"eventStreams":[{"type":"sse","endpoint":{"requestUri":`...)
		out = appendText(out, events)
		out = fmt.Appendf(out, `},"inactivityDelaySec":%d}]`, inactivityDelay)
	}
	return append(out, '}')
}

// Event is a server-sent event that makes a client evaluate again, of the revision (in decimal) that the ruleset has reached.
func Event(revision string) string {
	return fmt.Sprintf("event: message\nid: %s\ndata: {\"type\":\"refetchEvaluation\",\"etag\":%q}\n\n", revision, revision)
}

// bodyVersion is part of every ETag: raise it when the same decisions are told in other bytes.
const bodyVersion = "2"

// ETag is a strong tag of EvaluateAll's answer: it changes when the ruleset does and when any attribute that a decision depends
// on does. A tag of the ruleset alone would not do, because web clients keep it when their context changes. It covers the address of the
// events too, so that a client with another key does not go on with the old one's.
func ETag(rs *flags.Ruleset, who flags.Subject, events string) string {
	text := fmt.Appendf(nil, "%s %q %q %d %q", bodyVersion, rs.Project(), rs.Environment(), rs.Revision(), events)
	for _, name := range rs.Attributes() {
		var value any
		switch name {
		case flags.TargetingKey:
			value = who.Key
		case flags.Timestamp:
			value = who.At
		case flags.Everything:
			value = who.Attributes
		default:
			value = who.Attributes[name]
		}
		canonical, err := json.Marshal(value) // sorts the members of objects
		if err != nil {
			canonical = nil // what has no JSON cannot be compared either, so it counts as one value
		}
		text = fmt.Appendf(text, " %q=%s", name, canonical)
	}
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}

// appendSuccess appends an evaluation. The value keeps its type in the JSON text (4.0 is a float, 4 an integer), which Java and
// Python clients tell apart; value, variant, reason and metadata are always there, which Python, Ruby and Java need.
func appendSuccess(out []byte, common *common, key string, d flags.Decision) []byte {
	out = append(out, `{"key":`...)
	out = appendText(out, key)
	if d.Variant == "" {
		// Without a value the caller's default applies (the protocol's ADR 0006); null would be a mistake in its type.
		out = append(out, `,"reason":`...)
		out = appendText(out, string(d.Reason))
	} else {
		out = append(out, `,"value":`...)
		out = append(out, d.Value.JSON()...)
		out = append(out, `,"reason":`...)
		out = appendText(out, string(reasonOf(d)))
		out = append(out, `,"variant":`...)
		out = appendText(out, d.Variant)
	}
	out = append(out, `,"metadata":`...)
	out = common.with(out, d.Metadata)
	if d.Reason == flags.Disabled {
		out = append(out, `,"disabled":true`...)
	}
	if d.Stale {
		out = append(out, `,"stale":true`...)
	}
	if d.Experiment != "" {
		out = append(out, `,"experiment":`...)
		out = appendText(out, d.Experiment)
	}
	return append(out, "}}"...)
}

// reasonOf is the reason of a decision that has a value. To the protocol DISABLED means that there is none (its ADR 0006), and
// the Go client throws away what comes with it; a flag of ours that is off serves its off variant to everybody, and says in
// its metadata that it is off.
func reasonOf(d flags.Decision) flags.Reason {
	if d.Reason == flags.Disabled {
		return flags.Static
	}
	return d.Reason
}

// common is what all metadata begin with: the set and its version, with the brace that opens the object, and each alone. They are
// flat, as the protocol asks; the names are those of OpenFeature's telemetry conventions.
type common struct{ all, set, version []byte }

const (
	setName     = "flagSetId"
	versionName = "version"
)

func commonMetadata(rs *flags.Ruleset) *common {
	const space = 64 // for what is around the names, with the longest revision
	out := append(make([]byte, 0, space+len(rs.Project())+len(rs.Environment())), `{"`+setName+`":`...)
	out = appendText(out, rs.Project()+"/"+rs.Environment())
	end := len(out)
	out = append(out, `,"`+versionName+`":"`...)
	out = strconv.AppendUint(out, rs.Revision(), 10)
	out = append(out, '"')
	return &common{all: out, set: out[1:end], version: out[end+1:]}
}

// with appends the beginning and the flag's own, without the closing brace. A flag that says itself which set it is of, or which
// version it has, is believed, as flagd does.
func (c *common) with(out []byte, own flags.Metadata) []byte {
	if own.IsZero() {
		return append(out, c.all...)
	}
	out = append(out, '{')
	if !own.Has(setName) {
		out = append(append(out, c.set...), ',')
	}
	if !own.Has(versionName) {
		out = append(append(out, c.version...), ',')
	}
	return append(out, own.Members()...)
}

// appendText appends a JSON string.
func appendText(out []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendUncommon(out, text)
		}
	}
	out = append(out, '"')
	out = append(out, text...)
	return append(out, '"')
}

func appendUncommon(out []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		quoted = []byte(`""`) // strings always encode
	}
	return append(out, quoted...)
}

// Problem is the body of a failure; key is empty when it is not about one flag. errorDetails is always a string, because Python
// clients index it.
func Problem(key, code, details string) []byte {
	out := append(make([]byte, 0, 64+len(key)+len(details)), '{')
	if key != "" {
		out = append(out, `"key":`...)
		out = append(appendText(out, key), ',')
	}
	out = append(out, `"errorCode":`...)
	out = appendText(out, code)
	out = append(out, `,"errorDetails":`...)
	return append(appendText(out, details), '}')
}

func sentence(code flags.ErrorCode) string {
	switch code {
	case flags.TargetingKeyMissing:
		return "the flag is split by unit and the context does not say which; send a targetingKey, or the attribute that the split goes by"
	case flags.General:
		return "the flag's rule names what is no variant of it; correct the rule"
	case flags.ParseError:
		return "the flag cannot be served by this version of the server; see its problems"
	default:
		return "the flag cannot be evaluated"
	}
}
