package experiment_test

import (
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/experiment"
)

func TestAPlanTakesAShareOfALayerOrNone(t *testing.T) {
	for name, c := range map[string]struct {
		layer   domain.LayerKey
		share   domain.Weight
		refused bool
	}{
		"none":             {"", 0, false},
		"a share":          {"checkout", 25_000, false},
		"no share":         {"checkout", 0, true},
		"no layer":         {"", 1, true},
		"a layer that not": {"No", 1, true},
	} {
		p := plan()
		p.Layer, p.LayerShare = c.layer, c.share
		_, err := experiment.Aggregate.Decide(experiment.State{}, experiment.Create{Project: "shop", Key: "e", Plan: p}, domaintest.Someone())
		if _, refused := domain.AsRefusal(err); refused != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
