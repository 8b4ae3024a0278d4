package bench

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/open-feature/go-sdk/openfeature"
)

// ofInstance drives any provider through the OpenFeature Go SDK.
type ofInstance struct {
	c    *openfeature.Client
	ctxs []openfeature.EvaluationContext
	mk   func(u *User) openfeature.EvaluationContext
}

var ofSeq atomic.Int64

func defaultOFContext(u *User) openfeature.EvaluationContext {
	return openfeature.NewEvaluationContext(u.Key, map[string]any{
		"country": u.Country, "plan": u.Plan, "email": u.Email, "version": u.Version, "age": u.Age})
}

func newOF(name string, p openfeature.FeatureProvider, mk func(u *User) openfeature.EvaluationContext) (Instance, error) {
	if mk == nil {
		mk = defaultOFContext
	}
	domain := fmt.Sprintf("%s-%d", name, ofSeq.Add(1))
	if err := openfeature.SetNamedProviderAndWait(domain, p); err != nil {
		return nil, err
	}
	in := &ofInstance{c: openfeature.NewClient(domain), mk: mk}
	for i := range Users {
		in.ctxs = append(in.ctxs, mk(&Users[i]))
	}
	return in, nil
}

func (o *ofInstance) Bool(flag string, u int) bool {
	v, _ := o.c.BooleanValue(context.Background(), flag, false, o.ctxs[u])
	return v
}
func (o *ofInstance) Fresh(flag string, u *User) bool {
	v, _ := o.c.BooleanValue(context.Background(), flag, false, o.mk(u))
	return v
}

// adapter turns a function into a provider, for peers whose official provider
// does not resolve on the Go proxy. It does what the official ones do: read the
// flattened context, build the native context, call the SDK.
type adapter struct {
	openfeature.NoopProvider
	eval func(flag string, c openfeature.FlattenedContext) bool
}

func (a *adapter) BooleanEvaluation(_ context.Context, flag string, _ bool, c openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	return openfeature.BoolResolutionDetail{Value: a.eval(flag, c),
		ProviderResolutionDetail: openfeature.ProviderResolutionDetail{Reason: openfeature.TargetingMatchReason}}
}

func str(c openfeature.FlattenedContext, k string) string { s, _ := c[k].(string); return s }

func constantPeers(add func(Peer)) {
	// The tax of the SDK itself: a provider that answers true without looking.
	add(Peer{"of-constant", "go-sdk", "of-adapter", false, func(d Dataset) (Instance, error) {
		return newOF("const", &adapter{eval: func(string, openfeature.FlattenedContext) bool { return true }}, nil)
	}})
}
