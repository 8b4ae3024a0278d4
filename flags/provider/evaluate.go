package provider

import (
	"context"
	"maps"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
)

// BooleanEvaluation decides a boolean flag.
func (p *Provider) BooleanEvaluation(_ context.Context, flag string, defaultValue bool, flatCtx openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	d, detail := p.decide(flag, flatCtx)
	return resolve(p, d, flag, flatCtx, detail, defaultValue, flags.Value.Bool)
}

// StringEvaluation decides a string flag.
func (p *Provider) StringEvaluation(_ context.Context, flag string, defaultValue string, flatCtx openfeature.FlattenedContext) openfeature.StringResolutionDetail {
	d, detail := p.decide(flag, flatCtx)
	return resolve(p, d, flag, flatCtx, detail, defaultValue, flags.Value.Text)
}

// FloatEvaluation decides a float flag, or an integer flag read as a float.
func (p *Provider) FloatEvaluation(_ context.Context, flag string, defaultValue float64, flatCtx openfeature.FlattenedContext) openfeature.FloatResolutionDetail {
	d, detail := p.decide(flag, flatCtx)
	return resolve(p, d, flag, flatCtx, detail, defaultValue, flags.Value.Float)
}

// IntEvaluation decides an integer flag, or a float flag that holds a whole number.
func (p *Provider) IntEvaluation(_ context.Context, flag string, defaultValue int64, flatCtx openfeature.FlattenedContext) openfeature.IntResolutionDetail {
	d, detail := p.decide(flag, flatCtx)
	return resolve(p, d, flag, flatCtx, detail, defaultValue, flags.Value.Int)
}

// ObjectEvaluation decides a flag of any type; an object comes as a map of the caller's own.
func (p *Provider) ObjectEvaluation(_ context.Context, flag string, defaultValue any, flatCtx openfeature.FlattenedContext) openfeature.InterfaceResolutionDetail {
	d, detail := p.decide(flag, flatCtx)
	return resolve(p, d, flag, flatCtx, detail, defaultValue, anyValue)
}

func anyValue(v flags.Value) (any, bool) {
	switch v.Type() {
	case flags.Boolean:
		return v.Bool()
	case flags.String:
		return v.Text()
	case flags.Integer:
		return v.Int()
	case flags.Float:
		return v.Float()
	case flags.Object:
		object, ok := v.Object()
		return deepCopy(object), ok
	}
	return nil, false
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

// decide makes the decision and everything of the answer but its value.
func (p *Provider) decide(flag string, flatCtx openfeature.FlattenedContext) (flags.Decision, openfeature.ProviderResolutionDetail) {
	now := p.current.Load()
	if now == nil {
		return flags.Decision{Outcome: &flags.Outcome{ErrorCode: "PROVIDER_NOT_READY"}}, openfeature.ProviderResolutionDetail{
			ResolutionError: openfeature.NewProviderNotReadyResolutionError("the assay server has not been reached yet"), Reason: openfeature.ErrorReason,
		}
	}
	key, _ := flatCtx[openfeature.TargetingKey].(string)
	d := now.rules.Decide(flag, flags.Subject{Key: key, Attributes: flatCtx})
	detail := openfeature.ProviderResolutionDetail{Reason: openfeature.Reason(d.Reason), Variant: d.Variant, FlagMetadata: now.metadata}
	switch d.ErrorCode {
	case "":
	case flags.FlagNotFound:
		detail.ResolutionError = openfeature.NewFlagNotFoundResolutionError("there is no flag " + flag)
	case flags.TargetingKeyMissing:
		detail.ResolutionError = openfeature.NewTargetingKeyMissingResolutionError("the flag is split by unit and the context has no targeting key")
	case flags.ParseError:
		detail.ResolutionError = openfeature.NewParseErrorResolutionError("this version of the provider cannot serve the flag; update it")
	default:
		detail.ResolutionError = openfeature.NewGeneralResolutionError(string(d.ErrorCode))
	}
	return d, detail
}

// resolve reads the value as the type the app asked for, and records the exposure if there was one. Nothing is recorded when
// the app is given its own default.
func resolve[T any](p *Provider, d flags.Decision, flag string, flatCtx openfeature.FlattenedContext, detail openfeature.ProviderResolutionDetail, defaultValue T, read func(flags.Value) (T, bool)) openfeature.GenericResolutionDetail[T] {
	if d.ErrorCode != "" {
		return openfeature.GenericResolutionDetail[T]{Value: defaultValue, ProviderResolutionDetail: detail}
	}
	value, ok := read(d.Value)
	if !ok {
		detail.ResolutionError = openfeature.NewTypeMismatchResolutionError("the flag " + flag + " is of type " + string(d.Value.Type()))
		detail.Reason = openfeature.ErrorReason
		return openfeature.GenericResolutionDetail[T]{Value: defaultValue, ProviderResolutionDetail: detail}
	}
	if d.Experiment != "" {
		p.facts.exposed(flag, d, flatCtx)
	}
	return openfeature.GenericResolutionDetail[T]{Value: value, ProviderResolutionDetail: detail}
}

// Track records that the subject did something. details.Value is the value of the measurement, its attributes that are texts,
// numbers or booleans are its properties.
func (p *Provider) Track(_ context.Context, name string, subject openfeature.EvaluationContext, details openfeature.TrackingEventDetails) {
	p.facts.tracked(name, subject.TargetingKey(), details.Value(), details.Attributes())
}
