package layer_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/layer"
)

type (
	spec   = domaintest.Spec[layer.State, layer.Command, layer.Event]
	events = []layer.Event
)

func created() layer.Event {
	return layer.Created{Project: "shop", Key: "checkout", Name: "checkout", Algorithm: domain.BucketingV1, Salt: "shop.layer/checkout/", Total: 100}
}

func allocated(experiment domain.ExperimentKey, bounds ...domain.Weight) layer.Event {
	e := layer.Allocated{Experiment: experiment}
	for i := 0; i < len(bounds); i += 2 {
		e.Ranges = append(e.Ranges, domain.Range{From: bounds[i], To: bounds[i+1]})
	}
	return e
}

func TestLayers(t *testing.T) {
	domaintest.Run(t, layer.Aggregate, []spec{
		{Name: "a layer records how it buckets", When: layer.Create{Project: "shop", Key: "checkout", Total: 100}, Then: events{created()}},
		{Name: "a key is taken once", Given: events{created()}, When: layer.Create{Project: "shop", Key: "checkout"}, Refused: "already_exists"},
		{Name: "the algorithm is known", When: layer.Create{Project: "shop", Key: "checkout", Algorithm: "dice"}, Refused: "unknown_algorithm"},
		{Name: "what is not there cannot change", When: layer.Archive{}, Refused: "not_found"},
		{Name: "a description changes", Given: events{created()}, When: layer.Describe{Name: "x"}, Then: events{layer.Described{Name: "x"}}},
		{Name: "an experiment gets the first that is free", Given: events{created(), allocated("a", 0, 30)}, When: layer.Allocate{Experiment: "b", Share: 20}, Then: events{allocated("b", 30, 50)}},
		{
			Name: "a part may be in pieces", Given: events{created(), allocated("a", 0, 30), allocated("b", 30, 50), allocated("c", 50, 90), layer.Released{Experiment: "b"}},
			When: layer.Allocate{Experiment: "d", Share: 25}, Then: events{allocated("d", 30, 50, 90, 95)},
		},
		{Name: "a larger part keeps the smaller", Given: events{created(), allocated("a", 0, 30), allocated("b", 30, 50)}, When: layer.Allocate{Experiment: "a", Share: 40}, Then: events{allocated("a", 0, 30, 50, 60)}},
		{Name: "a smaller part is part of the larger", Given: events{created(), allocated("a", 0, 30, 50, 60)}, When: layer.Allocate{Experiment: "a", Share: 20}, Then: events{allocated("a", 0, 20)}},
		{Name: "pieces that touch are one", Given: events{created(), allocated("a", 0, 30)}, When: layer.Allocate{Experiment: "a", Share: 40}, Then: events{allocated("a", 0, 40)}},
		{Name: "the same part is nothing", Given: events{created(), allocated("a", 0, 30)}, When: layer.Allocate{Experiment: "a", Share: 30}},
		{Name: "what is taken cannot be given", Given: events{created(), allocated("a", 0, 90)}, When: layer.Allocate{Experiment: "b", Share: 20}, Refused: "layer_full", Kind: domain.KindState},
		{Name: "a share is some", Given: events{created()}, When: layer.Allocate{Experiment: "b"}, Refused: "bad_share"},
		{Name: "a share is at most all", Given: events{created()}, When: layer.Allocate{Experiment: "b", Share: 101}, Refused: "bad_share"},
		{Name: "a part is given back", Given: events{created(), allocated("a", 0, 30)}, When: layer.Release{Experiment: "a"}, Then: events{layer.Released{Experiment: "a"}}},
		{Name: "nothing cannot be given back", Given: events{created()}, When: layer.Release{Experiment: "a"}},
		{Name: "a busy layer stays", Given: events{created(), allocated("a", 0, 30)}, When: layer.Archive{}, Refused: "layer_busy"},
		{Name: "an archived layer gives nothing", Given: events{created(), layer.Archived{}}, When: layer.Allocate{Experiment: "a", Share: 1}, Refused: "archived"},
		{Name: "it comes back", Given: events{created(), layer.Archived{}}, When: layer.Restore{}, Then: events{layer.Restored{}}},
	})
}

// Whatever is asked for: no bucket belongs to two experiments, each has exactly its share, and growing takes nothing away.
func TestNoBucketIsGivenTwice(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for range 100 {
		commands := []layer.Command{layer.Create{Project: "shop", Key: "checkout", Total: 100}}
		for range 30 {
			who := domain.ExperimentKey(fmt.Sprint("e", random.IntN(5)))
			if random.IntN(4) == 0 {
				commands = append(commands, layer.Release{Experiment: who})
			} else {
				commands = append(commands, layer.Allocate{Experiment: who, Share: domain.Weight(random.IntN(50) + 1)})
			}
		}
		recorded, err := domaintest.Live(layer.Aggregate, commands, domaintest.Someone())
		if err != nil {
			t.Fatal(err)
		}
		var state layer.State
		for _, e := range recorded {
			before := state
			state = layer.Aggregate.Evolve(state, e)
			owner := map[domain.Weight]domain.ExperimentKey{}
			for _, a := range state.Allocations {
				for _, r := range a.Ranges {
					for b := r.From; b < r.To; b++ {
						if owner[b] != "" || b >= state.Total {
							t.Fatalf("after %+v bucket %d is given to %s and %s", e, b, owner[b], a.Experiment)
						}
						owner[b] = a.Experiment
					}
				}
			}
			for _, a := range before.Allocations {
				now, _ := state.Of(a.Experiment)
				for _, r := range a.Ranges {
					for b := r.From; b < r.To && now.Share() >= a.Share(); b++ {
						if owner[b] != a.Experiment {
							t.Fatalf("growing by %+v took bucket %d from %s", e, b, a.Experiment)
						}
					}
				}
			}
		}
	}
}
