package provider

import (
	"context"
	"maps"
	"reflect"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
)

// BooleanEvaluation decides a boolean flag.
func (p *Provider) BooleanEvaluation(_ context.Context, flag string, defaultValue bool, flatCtx openfeature.FlattenedContext) (out openfeature.BoolResolutionDetail) {
	out.Value = defaultValue
	if o := p.resolve(flag, flags.Boolean, flatCtx, &out.ProviderResolutionDetail); o != nil {
		if value, ok := o.Value.Bool(); ok {
			out.Value, out.Reason, out.Variant = value, openfeature.Reason(o.Reason), o.Variant
		} else {
			mismatch(flag, o, &out.ProviderResolutionDetail)
		}
	}
	return out
}

// StringEvaluation decides a string flag.
func (p *Provider) StringEvaluation(_ context.Context, flag string, defaultValue string, flatCtx openfeature.FlattenedContext) (out openfeature.StringResolutionDetail) {
	out.Value = defaultValue
	if o := p.resolve(flag, flags.String, flatCtx, &out.ProviderResolutionDetail); o != nil {
		if value, ok := o.Value.Text(); ok {
			out.Value, out.Reason, out.Variant = value, openfeature.Reason(o.Reason), o.Variant
		} else {
			mismatch(flag, o, &out.ProviderResolutionDetail)
		}
	}
	return out
}

// FloatEvaluation decides a float flag, or an integer flag read as a float.
func (p *Provider) FloatEvaluation(_ context.Context, flag string, defaultValue float64, flatCtx openfeature.FlattenedContext) (out openfeature.FloatResolutionDetail) {
	out.Value = defaultValue
	if o := p.resolve(flag, flags.Float, flatCtx, &out.ProviderResolutionDetail); o != nil {
		if value, ok := o.Value.Float(); ok {
			out.Value, out.Reason, out.Variant = value, openfeature.Reason(o.Reason), o.Variant
		} else {
			mismatch(flag, o, &out.ProviderResolutionDetail)
		}
	}
	return out
}

// IntEvaluation decides an integer flag, or a float flag that holds a whole number.
func (p *Provider) IntEvaluation(_ context.Context, flag string, defaultValue int64, flatCtx openfeature.FlattenedContext) (out openfeature.IntResolutionDetail) {
	out.Value = defaultValue
	if o := p.resolve(flag, flags.Integer, flatCtx, &out.ProviderResolutionDetail); o != nil {
		if value, ok := o.Value.Int(); ok {
			out.Value, out.Reason, out.Variant = value, openfeature.Reason(o.Reason), o.Variant
		} else {
			mismatch(flag, o, &out.ProviderResolutionDetail)
		}
	}
	return out
}

// ObjectEvaluation decides an object flag; the object is the caller's own.
func (p *Provider) ObjectEvaluation(_ context.Context, flag string, defaultValue any, flatCtx openfeature.FlattenedContext) (out openfeature.InterfaceResolutionDetail) {
	out.Value = defaultValue
	if o := p.resolve(flag, flags.Object, flatCtx, &out.ProviderResolutionDetail); o != nil {
		if object, ok := o.Value.Object(); ok {
			out.Value, out.Reason, out.Variant = deepCopy(object), openfeature.Reason(o.Reason), o.Variant
		} else {
			mismatch(flag, o, &out.ProviderResolutionDetail)
		}
	}
	return out
}

// deepCopy gives the app an object of its own; the ruleset's is shared by all.
func deepCopy(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := maps.Clone(v)
		for k, inner := range out {
			out[k] = deepCopy(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = deepCopy(inner)
		}
		return out
	default:
		return value
	}
}

// resolve decides, and reports the exposure if there is one. The caller answers with value, variant and reason of the outcome, or
// with mismatch when the value cannot be read as what it wants; the rest of the answer is filled in here. It returns nil, and fills
// in everything but the value, when the app is given its own default: on an error, and from a flag that serves that.
//
// What is handed over, and how, is chosen by measurement: a Subject, a Decision and an answer are five to ten words, which take
// as long to copy as deciding; and what few evaluations need is elsewhere, because an app that evaluates now and then has
// to fetch the code each time.
func (p *Provider) resolve(
	flag string, as flags.Type, flatCtx openfeature.FlattenedContext, answer *openfeature.ProviderResolutionDetail,
) *flags.Outcome {
	now := p.current.Load()
	if now == nil {
		return notReady(answer)
	}
	who := flags.Subject{Attributes: flatCtx}
	if now.timed {
		who.At = clock()
	}
	o, unit, bucket := now.rules.Resolve(flag, &who)
	if now.metadata == nil && o.IsPlain() {
		return o
	}
	d := flags.Decision{Outcome: o, UnitID: unit, Bucket: bucket, Revision: now.rules.Revision()}
	return p.unusual(now, flag, as, &d, flatCtx, answer)
}

//go:noinline
func clock() int64 { return time.Now().Unix() }

//go:noinline
func notReady(answer *openfeature.ProviderResolutionDetail) *flags.Outcome {
	answer.ResolutionError = openfeature.NewProviderNotReadyResolutionError("the assay server has not been reached yet")
	answer.Reason = openfeature.ErrorReason
	return nil
}

// unusual ends an evaluation that has more to tell, or to do, than value, variant and reason.
func (p *Provider) unusual(
	now *loaded, flag string, as flags.Type, d *flags.Decision, flatCtx openfeature.FlattenedContext, answer *openfeature.ProviderResolutionDetail,
) *flags.Outcome {
	o := d.Outcome
	if now.metadata != nil || o.Stale || !o.Metadata.IsZero() {
		answer.FlagMetadata = now.about(o)
	}
	switch {
	case o.ErrorCode != "":
		answer.Reason, answer.ResolutionError = openfeature.Reason(o.Reason), errorOf(o.ErrorCode, flag)
		return nil
	case o.Variant == "":
		answer.Reason = openfeature.Reason(o.Reason)
		return nil
	case o.Experiment != "" && !p.config.ManualExposures && isReadable(o.Value, as):
		p.facts.exposed(flag, *d, flatCtx)
	}
	return o
}

// mismatch answers that the flag is of another type. There is no variant of the caller's default.
//
//go:noinline
func mismatch(flag string, o *flags.Outcome, answer *openfeature.ProviderResolutionDetail) {
	answer.ResolutionError = openfeature.NewTypeMismatchResolutionError("the flag " + flag + " is of type " + string(o.Value.Type()))
	answer.Reason = openfeature.ErrorReason
}

func isReadable(v flags.Value, as flags.Type) (ok bool) {
	switch as {
	case flags.Integer:
		_, ok = v.Int()
	case flags.Float:
		_, ok = v.Float()
	default:
		ok = v.Type() == as
	}
	return ok
}

// about is the metadata of decisions with the outcome: what the app wants of the ruleset, what the flag says of itself, and whether
// it is stale: changed since, in a way that the server cannot read. The last two are told whether the app wants metadata or not,
// because somebody gave the flag metadata for being told, and because being stale is rare and somebody should know.
func (l *loaded) about(o *flags.Outcome) openfeature.FlagMetadata {
	common := l.metadata
	if o.ErrorCode == "" && o.Experiment != "" && l.exposed != nil {
		common = l.exposed[o.Experiment]
	}
	switch own := o.Metadata.Values(); {
	case !o.Stale && own == nil:
		return common
	case !o.Stale && common == nil:
		return own // the SDK copies it
	default:
		out := make(openfeature.FlagMetadata, len(common)+len(own)+1)
		maps.Copy(out, common)
		maps.Copy(out, own)
		if o.Stale {
			out["stale"] = true
		}
		return out
	}
}

func errorOf(code flags.ErrorCode, flag string) openfeature.ResolutionError {
	switch code {
	case flags.FlagNotFound:
		return openfeature.NewFlagNotFoundResolutionError("there is no flag " + flag)
	case flags.TargetingKeyMissing:
		return openfeature.NewTargetingKeyMissingResolutionError(
			"the flag " + flag + " is split by unit and the context does not say which; give a targeting key, or the attribute that the split goes by")
	case flags.ParseError:
		return openfeature.NewParseErrorResolutionError("this version of the provider cannot serve the flag " + flag + "; update it")
	default:
		return openfeature.NewGeneralResolutionError(string(code))
	}
}

// Track records that the subject did something. The value of details is the value of the measurement, 1 when details are the
// zero value; its attributes that are texts, numbers or booleans are the properties. Without a targeting key nothing is
// recorded but the drop.
func (p *Provider) Track(_ context.Context, name string, subject openfeature.EvaluationContext, details openfeature.TrackingEventDetails) {
	value := details.Value()
	if reflect.DeepEqual(details, openfeature.TrackingEventDetails{}) {
		value = 1 // the caller gave none; NewTrackingEventDetails(0) is not the zero value
	}
	p.facts.tracked(name, subject.TargetingKey(), value, details.Attributes())
}
