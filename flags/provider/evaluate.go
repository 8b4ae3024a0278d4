package provider

import (
	"context"
	"maps"
	"reflect"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
)

// BooleanEvaluation decides a boolean flag.
func (p *Provider) BooleanEvaluation(_ context.Context, flag string, defaultValue bool, flatCtx openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	return resolve(p, flag, flatCtx, defaultValue, flags.Value.Bool)
}

// StringEvaluation decides a string flag.
func (p *Provider) StringEvaluation(_ context.Context, flag string, defaultValue string, flatCtx openfeature.FlattenedContext) openfeature.StringResolutionDetail {
	return resolve(p, flag, flatCtx, defaultValue, flags.Value.Text)
}

// FloatEvaluation decides a float flag, or an integer flag read as a float.
func (p *Provider) FloatEvaluation(_ context.Context, flag string, defaultValue float64, flatCtx openfeature.FlattenedContext) openfeature.FloatResolutionDetail {
	return resolve(p, flag, flatCtx, defaultValue, flags.Value.Float)
}

// IntEvaluation decides an integer flag, or a float flag that holds a whole number.
func (p *Provider) IntEvaluation(_ context.Context, flag string, defaultValue int64, flatCtx openfeature.FlattenedContext) openfeature.IntResolutionDetail {
	return resolve(p, flag, flatCtx, defaultValue, flags.Value.Int)
}

// ObjectEvaluation decides an object flag; the object is the caller's own.
func (p *Provider) ObjectEvaluation(_ context.Context, flag string, defaultValue any, flatCtx openfeature.FlattenedContext) openfeature.InterfaceResolutionDetail {
	return resolve(p, flag, flatCtx, defaultValue, objectValue)
}

func objectValue(v flags.Value) (any, bool) {
	object, ok := v.Object()
	return deepCopy(object), ok
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

// answer is a decision and everything of the SDK's answer but the value.
type answer struct {
	decision flags.Decision
	detail   openfeature.ProviderResolutionDetail
}

func (p *Provider) decide(flag string, flatCtx openfeature.FlattenedContext) answer {
	now := p.current.Load()
	if now == nil {
		return answer{detail: openfeature.ProviderResolutionDetail{
			ResolutionError: openfeature.NewProviderNotReadyResolutionError("the assay server has not been reached yet"), Reason: openfeature.ErrorReason,
		}}
	}
	key, _ := flatCtx[openfeature.TargetingKey].(string)
	d := now.rules.Decide(flag, now.at(flags.Subject{Key: key, Attributes: flatCtx}))
	a := answer{decision: d, detail: openfeature.ProviderResolutionDetail{Reason: openfeature.Reason(d.Reason), Variant: d.Variant, FlagMetadata: now.metadata}}
	if d.ErrorCode != "" {
		a.detail.ResolutionError = errorOf(d.ErrorCode, flag)
	} else if d.Experiment != "" && now.exposed != nil {
		a.detail.FlagMetadata = now.exposed[d.Experiment]
	}
	if d.Stale {
		a.detail.FlagMetadata = stale(a.detail.FlagMetadata)
	}
	return a
}

// stale tells whoever decides by the flag that it has been changed since, in a way that the server cannot read. It is told whether
// the app wants metadata or not, because it is rare and somebody should know.
func stale(metadata openfeature.FlagMetadata) openfeature.FlagMetadata {
	out := openfeature.FlagMetadata{"stale": true}
	maps.Copy(out, metadata)
	return out
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

// resolve reads the value as the type the app asked for, and records the exposure if there was one. Nothing is recorded when
// the app is given its own default.
func resolve[T any](p *Provider, flag string, flatCtx openfeature.FlattenedContext, defaultValue T, read func(flags.Value) (T, bool)) openfeature.GenericResolutionDetail[T] {
	a := p.decide(flag, flatCtx)
	out := openfeature.GenericResolutionDetail[T]{Value: defaultValue, ProviderResolutionDetail: a.detail}
	if a.decision.Outcome == nil || a.decision.ErrorCode != "" || a.decision.Variant == "" {
		return out // an error, or a flag that serves the app's own default
	}
	value, ok := read(a.decision.Value)
	if !ok {
		out.ResolutionError = openfeature.NewTypeMismatchResolutionError("the flag " + flag + " is of type " + string(a.decision.Value.Type()))
		out.Reason, out.Variant = openfeature.ErrorReason, "" // there is no variant of the caller's default
		return out
	}
	p.expose(flag, a.decision, flatCtx)
	out.Value = value
	return out
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
