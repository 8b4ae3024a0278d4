package flags

import "encoding/json"

// Explanation is a decision and every step that led to it.
type Explanation struct {
	Flag        string `json:"flag"`
	Project     string `json:"project"`
	Environment string `json:"environment"`
	// Revision is the log position that shaped the ruleset, FlagRevision the one that shaped the flag.
	Revision     uint64 `json:"revision,string"`
	FlagRevision uint64 `json:"flag_revision,string"`
	// Found: there is such a flag. Problem says why it cannot be served, when it cannot.
	Found   bool   `json:"found"`
	Problem string `json:"problem,omitempty"`
	On      bool   `json:"on"`
	Served  Serves `json:"served"`
	// Steps are what was looked at, in order, up to the one that served.
	Steps []Step `json:"steps"`
}

// Serves is what a decision serves, as Decide returns it.
type Serves struct {
	Variant    string          `json:"variant,omitempty"`
	Value      json.RawMessage `json:"value,omitempty"`
	Reason     Reason          `json:"reason"`
	ErrorCode  ErrorCode       `json:"error_code,omitempty"`
	Rule       string          `json:"rule,omitempty"`
	Override   bool            `json:"override,omitempty"`
	Holdout    string          `json:"holdout,omitempty"`
	Experiment string          `json:"experiment,omitempty"`
}

// StepKind says what a step looks at.
type StepKind string

// The kinds.
const (
	StepOff        StepKind = "off" // the flag is off
	StepOverrides  StepKind = "overrides"
	StepHoldout    StepKind = "holdout"
	StepRule       StepKind = "rule"
	StepLogic      StepKind = "logic" // a JSONLogic expression
	StepExperiment StepKind = "experiment"
	StepDefault    StepKind = "default"
)

// Step is one of the places of a flag that can serve something.
type Step struct {
	Kind StepKind `json:"kind"`
	// ID is the id of the rule, the key of the holdout or of the experiment.
	ID string `json:"id,omitempty"`
	// Serves: this step served. Why says, in a few words, why it did or did not.
	Serves bool   `json:"serves"`
	Why    string `json:"why"`
	// Conditions are those of a rule, all of them: also those behind the first that does not hold.
	Conditions []ConditionTrace `json:"conditions,omitempty"`
	// Slices are those that limit the step: a holdout's, or an experiment's part of a layer.
	Slices []BucketTrace `json:"slices,omitempty"`
	// Split is how the step assigned, when it serves a split.
	Split *BucketTrace `json:"split,omitempty"`
}

// ConditionTrace is a condition and whether it holds for the subject.
type ConditionTrace struct {
	Condition
	Holds bool `json:"holds"`
	// Found is the attribute as the subject has it; absent when it is missing or has no JSON.
	Found json.RawMessage `json:"found,omitempty"`
	// Group is "all" or "any" for a group, and Parts are its conditions.
	Group string           `json:"group,omitempty"`
	Parts []ConditionTrace `json:"parts,omitempty"`
	// Members tells of each segment whether the subject is in it, and why.
	Members []Membership `json:"members,omitempty"`
	// Asked is what the other flag serves.
	Asked *Serves `json:"asked,omitempty"`
	// Bucket is where the unit is, of a slice.
	Bucket *BucketTrace `json:"bucket,omitempty"`
}

// Membership is whether a subject is in a segment.
type Membership struct {
	Segment string `json:"segment"`
	Member  bool   `json:"member"`
	// Why is "included", "excluded", "rule" with its id in Rule, or "no rule".
	Why  string `json:"why"`
	Rule string `json:"rule,omitempty"`
	// Revision is the log position that shaped the segment.
	Revision uint64 `json:"revision,string"`
}

// BucketTrace is how a unit got its bucket.
type BucketTrace struct {
	Algorithm string `json:"algorithm"`
	Salt      string `json:"salt"`
	By        string `json:"by"` // the attribute that holds the unit id
	// UnitID is empty when the subject does not have one, which is in no range.
	UnitID string       `json:"unit_id,omitempty"`
	Bucket uint32       `json:"bucket"`
	Total  uint32       `json:"total"`
	Ranges []RangeTrace `json:"ranges"`
	In     bool         `json:"in"` // the bucket is in one of them
}

// RangeTrace is a range of buckets, and the variant that it serves if it is a split's.
type RangeTrace struct {
	From    uint32 `json:"from"`
	To      uint32 `json:"to"`
	Variant string `json:"variant,omitempty"`
	Here    bool   `json:"here"` // the unit's bucket is in it
}

// Explain decides like Decide, with the same compiled parts, and tells every step of the way. It allocates; it is for people.
func (r *Ruleset) Explain(key string, who Subject) Explanation {
	out := Explanation{Flag: key, Project: r.project, Environment: r.environment, Revision: r.revision, Steps: []Step{}}
	out.Served = servesOf(r.Decide(key, who).Outcome)
	f := r.flag(key)
	if f == nil {
		return out
	}
	out.Found, out.FlagRevision, out.Problem = true, f.revision, f.problem
	source, err := f.itself().source.Flag()
	if err != nil {
		out.Problem = err.Error()
		return out
	}
	if out.On = source.On; f.problem != "" {
		return out
	}
	e := explainer{rules: r, source: source, flag: f.prepared(), who: &who}
	e.look = look{rules: r, known: known{program: &e.flag.program}}
	e.explain()
	out.Steps = e.steps
	return out
}

func servesOf(o *Outcome) Serves {
	return Serves{
		Variant: o.Variant, Value: o.Value.JSON(), Reason: o.Reason, ErrorCode: o.ErrorCode, Rule: o.Rule, Override: o.Override, Holdout: o.Holdout,
		Experiment: o.Experiment,
	}
}

// explainer walks a flag as decide does.
type explainer struct {
	rules  *Ruleset
	source *Flag
	flag   *prepared
	who    *Subject
	look   look
	steps  []Step
}

// explain stops at the step that serves.
func (e *explainer) explain() {
	if !e.source.On {
		e.steps = append(e.steps, Step{Kind: StepOff, Serves: true, Why: "the flag is off here"})
		return
	}
	if e.flag.first != nil && (e.overrides() || e.holdouts()) {
		return
	}
	for i := range e.flag.rules {
		if e.rule(i) {
			return
		}
	}
	if e.flag.logic != nil && e.logic() {
		return
	}
	if e.source.Experiment != nil && e.experiment() {
		return
	}
	serve := &e.flag.otherwise
	if e.source.Experiment != nil {
		serve = e.flag.outside
	}
	step := Step{Kind: StepDefault, Serves: true, Why: "nothing before it served"}
	step.Split = e.split(serve.split)
	e.steps = append(e.steps, step)
}

func (e *explainer) add(s Step) bool {
	e.steps = append(e.steps, s)
	return s.Serves
}

func (e *explainer) overrides() bool {
	if len(e.flag.first.overrides) == 0 {
		return false
	}
	only := first{overrides: e.flag.first.overrides}
	if v := only.decide(e.who); v.outcome != nil {
		return e.add(Step{Kind: StepOverrides, Serves: true, Why: "the unit " + v.unit + " is named"})
	}
	return e.add(Step{Kind: StepOverrides, Why: "none names the unit"})
}

func (e *explainer) holdouts() bool {
	for i := range e.flag.first.holdouts {
		h := &e.flag.first.holdouts[i]
		trace := e.slice(h.slice)
		step := Step{Kind: StepHoldout, ID: h.serve.Holdout, Serves: trace.In, Why: "the unit is not held back", Slices: []BucketTrace{trace}}
		if trace.In {
			step.Why = "the unit is held back"
		}
		if e.add(step) {
			return true
		}
	}
	return false
}

func (e *explainer) rule(i int) bool {
	compiled, source := &e.flag.rules[i], &e.source.Rules[i]
	step := Step{Kind: StepRule, ID: source.ID, Serves: true, Why: "all conditions hold"}
	step.Conditions = e.conditions(compiled.conditions, source.If)
	for n, c := range step.Conditions {
		if !c.Holds {
			step.Serves, step.Why = false, "condition "+ordinal(n+1)+" does not hold"
			break
		}
	}
	if step.Serves {
		step.Split = e.split(compiled.serve.split)
	}
	return e.add(step)
}

func (e *explainer) logic() bool {
	v := e.flag.logic.decide(e.who)
	if v.outcome == nil {
		return e.add(Step{Kind: StepLogic, Why: "the expression names no variant"})
	}
	return e.add(Step{Kind: StepLogic, Serves: true, Why: "the expression decides"})
}

func (e *explainer) experiment() bool {
	step := Step{Kind: StepExperiment, ID: e.source.Experiment.Key, Serves: true, Why: "no rule matched, and the unit takes part"}
	for _, s := range e.flag.within {
		trace := e.slice(s)
		step.Slices = append(step.Slices, trace)
		if !trace.In {
			step.Serves, step.Why = false, "the unit is outside the experiment's part of the layer"
		}
	}
	if step.Serves {
		step.Split = e.split(e.flag.otherwise.split)
	}
	return e.add(step)
}
