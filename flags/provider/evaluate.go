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
		out.Value, _ = o.Value.Bool()
	}
	return out
}

// StringEvaluation decides a string flag.
func (p *Provider) StringEvaluation(_ context.Context, flag string, defaultValue string, flatCtx openfeature.FlattenedContext) (out openfeature.StringResolutionDetail) {
	out.Value = defaultValue
	if o := p.resolve(flag, flags.String, flatCtx, &out.ProviderResolutionDetail); o != nil {
		out.Value, _ = o.Value.Text()
	}
	return out
}

// FloatEvaluation decides a float flag, or an integer flag read as a float.
func (p *Provider) FloatEvaluation(_ context.Context, flag string, defaultValue float64, flatCtx openfeature.FlattenedContext) (out openfeature.FloatResolutionDetail) {
	out.Value = defaultValue
	if o := p.resolve(flag, flags.Float, flatCtx, &out.ProviderResolutionDetail); o != nil {
		out.Value, _ = o.Value.Float()
	}
	return out
}

// IntEvaluation decides an integer flag, or a float flag that holds a whole number.
func (p *Provider) IntEvaluation(_ context.Context, flag string, defaultValue int64, flatCtx openfeature.FlattenedContext) (out openfeature.IntResolutionDetail) {
	out.Value = defaultValue
	if o := p.resolve(flag, flags.Integer, flatCtx, &out.ProviderResolutionDetail); o != nil {
		out.Value, _ = o.Value.Int()
	}
	return out
}

// ObjectEvaluation decides an object flag; the object is the caller's own.
func (p *Provider) ObjectEvaluation(_ context.Context, flag string, defaultValue any, flatCtx openfeature.FlattenedContext) (out openfeature.InterfaceResolutionDetail) {
	out.Value = defaultValue
	if o := p.resolve(flag, flags.Object, flatCtx, &out.ProviderResolutionDetail); o != nil {
		object, _ := o.Value.Object()
		out.Value = deepCopy(object)
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

// resolve decides and fills in everything of the SDK's answer but the value, and reports the exposure if there is one. It
// returns nil when the app is given its own default: on an error, when the flag cannot be read as the type, and from a flag that
// serves that. What it returns and where it writes are chosen by measurement: a Decision and an answer are five and ten words,
// and handing them up through the calls takes as long as deciding.
func (p *Provider) resolve(
	flag string, as flags.Type, flatCtx openfeature.FlattenedContext, answer *openfeature.ProviderResolutionDetail,
) *flags.Outcome {
	now := p.current.Load()
	if now == nil {
		answer.ResolutionError = openfeature.NewProviderNotReadyResolutionError("the assay server has not been reached yet")
		answer.Reason = openfeature.ErrorReason
		return nil
	}
	key, _ := flatCtx[openfeature.TargetingKey].(string)
	var at int64
	if now.timed {
		at = time.Now().Unix()
	}
	d := now.rules.Decide(flag, flags.Subject{Key: key, Attributes: flatCtx, At: at})
	o := d.Outcome
	answer.Reason, answer.Variant = openfeature.Reason(o.Reason), o.Variant
	if now.metadata != nil || o.Stale || !o.Metadata.IsZero() {
		answer.FlagMetadata = now.about(o)
	}
	switch {
	case o.ErrorCode != "":
		answer.ResolutionError = errorOf(o.ErrorCode, flag)
		return nil
	case o.Variant == "":
		return nil
	case !isReadable(o.Value, as):
		answer.ResolutionError = openfeature.NewTypeMismatchResolutionError("the flag " + flag + " is of type " + string(o.Value.Type()))
		answer.Reason, answer.Variant = openfeature.ErrorReason, "" // there is no variant of the caller's default
		return nil
	case o.Experiment != "" && !p.config.ManualExposures:
		p.facts.exposed(flag, d, flatCtx)
	}
	return o
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
