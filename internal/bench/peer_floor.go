package bench

import (
	"context"

	"github.com/assayhq/assay/internal/bench/floor"

	"github.com/open-feature/go-sdk/openfeature"
)

// floorProvider is the floor behind OpenFeature. The context arrives flattened.
type floorProvider struct {
	openfeature.NoopProvider
	f *floor.Engine
}

func (p *floorProvider) BooleanEvaluation(_ context.Context, flag string, def bool, c openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	ff, ok := p.f.Flag(flag)
	if !ok {
		return openfeature.BoolResolutionDetail{Value: def, ProviderResolutionDetail: openfeature.ProviderResolutionDetail{
			ResolutionError: openfeature.NewFlagNotFoundResolutionError(flag)}}
	}
	var u User
	u.Key, _ = c[openfeature.TargetingKey].(string)
	u.Country, _ = c["country"].(string)
	u.Plan, _ = c["plan"].(string)
	switch a := c["age"].(type) {
	case int:
		u.Age = a
	case int64:
		u.Age = int(a)
	}
	return openfeature.BoolResolutionDetail{Value: ff.Eval(&u), ProviderResolutionDetail: openfeature.ProviderResolutionDetail{Reason: openfeature.TargetingMatchReason}}
}

type floorInst struct{ *floor.Engine }

func (f floorInst) Bool(flag string, u int) bool { return f.Fresh(flag, &Users[u]) }
func (f floorInst) Fresh(flag string, u *User) bool {
	ff, ok := f.Flag(flag)
	return ok && ff.Eval(u)
}
func (f floorInst) All(u int) int {
	return len(f.Engine.All(&Users[u], make([]bool, 0, len(f.Keys()))))
}

func floorPeers(add func(Peer)) {
	add(Peer{"floor", "reference", "native", true, func(d Dataset) (Instance, error) { return floorInst{floor.New(d)}, nil }})
	add(Peer{"floor", "reference", "of-adapter", false, func(d Dataset) (Instance, error) {
		return newOF("floor", &floorProvider{f: floor.New(d)}, nil)
	}})
}
