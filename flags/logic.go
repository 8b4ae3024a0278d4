package flags

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/assayhq/assay/flags/jsonlogic"
)

// Logic is a rule of flagd's that conditions cannot say. It decides what no rule matches: it names a variant, or answers null,
// and then the flag goes on as if there were no logic.
type Logic struct {
	// Rule is the expression, without references to shared ones.
	Rule json.RawMessage `json:"rule"`
	// Fractional is the algorithm of the rule's fractional: FlagdV1, or "" for FlagdV2.
	Fractional string `json:"fractional,omitempty"`
}

// Compile reads the expression as Decide will.
func (l *Logic) Compile() (*jsonlogic.Expression, error) {
	version := jsonlogic.FractionalV2
	switch l.Fractional {
	case "", FlagdV2:
	case FlagdV1:
		version = jsonlogic.FractionalV1
	default:
		return nil, fmt.Errorf("its fractional is of the version %q, which is not known to this version", l.Fractional)
	}
	return jsonlogic.Lenient(l.Rule, nil, version)
}

// compiledLogic is a Logic with an outcome for everything it can answer.
type compiledLogic struct {
	flag       string
	expression *jsonlogic.Expression
	reads      []string // attributes
	variants   map[string]*Outcome
	broken     *Outcome // the expression cannot be evaluated
	unknown    *Outcome // it names what is no variant
}

func (c *compiler) compileLogic(f *Flag) error {
	if f.Logic == nil {
		return nil
	}
	expression, err := f.Logic.Compile()
	if err != nil {
		return fmt.Errorf("logic: %w", err)
	}
	like := c.common
	like.Reason = TargetingMatch
	out := &compiledLogic{flag: f.Key, expression: expression, variants: make(map[string]*Outcome, len(c.variants))}
	for name := range c.variants {
		if out.variants[name], err = c.prepare(name, like); err != nil {
			return fmt.Errorf("logic: %w", err)
		}
	}
	failed := c.common
	failed.Reason, failed.ErrorCode = Error, ParseError
	out.broken = c.of(failed)
	nameless := failed
	nameless.ErrorCode = General
	out.unknown = c.of(nameless)
	uses := expression.Uses()
	out.reads = uses.Attributes
	c.attributes = append(c.attributes, uses.Attributes...)
	if uses.Everything {
		c.attributes = append(c.attributes, Everything)
	}
	if uses.Time {
		c.attributes = append(c.attributes, Timestamp)
	}
	c.flag.logic = out
	return nil
}

// What stands among the attributes of a ruleset without being one.
const (
	Everything = "*"                // a rule of flagd's computes which attributes it reads
	Timestamp  = "$flagd.timestamp" // a rule of flagd's reads Subject.At
)

// decide is the zero verdict when the expression answers null.
func (l *compiledLogic) decide(who *Subject) verdict {
	in := jsonlogic.Input{FlagKey: l.flag, Key: who.key(), Attributes: who.gathered(l.reads), At: who.At}
	name, answered, err := l.expression.Variant(&in)
	switch {
	case err != nil:
		return verdict{outcome: l.broken}
	case !answered:
		return verdict{}
	}
	if outcome := l.variants[name]; outcome != nil {
		return verdict{outcome: outcome}
	}
	return verdict{outcome: l.unknown}
}

// Timed reports whether decisions depend on Subject.At.
func (r *Ruleset) Timed() bool {
	_, timed := slices.BinarySearch(r.attributes, Timestamp)
	return timed
}
