package project_test

import (
	"os"
	"testing"

	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/project"
)

func TestEventsOfThePastAreRead(t *testing.T) {
	domaintest.Samples(t, project.Aggregate, os.DirFS("testdata/events"), map[string]project.Event{
		"ProjectCreated.v1.json": project.Created{
			Key: "shop", Name: "The shop", Description: "Sells <b>things</b> & more.",
			Environments: []project.Environment{{Key: "production", Name: "Production"}, {Key: "staging", Name: "Staging"}},
		},
		"ProjectCreated.v1.hashed.json": project.Created{
			Key: "shop", Name: "Shop", Environments: []project.Environment{{Key: "production", Name: "Production"}}, UnitIDs: project.Hashed,
		},
		"ProjectDescribed.v1.json": project.Described{Name: "Shop", Description: "Sells things."},
		"EnvironmentAdded.v1.json": project.EnvironmentAdded{Environment: project.Environment{Key: "beta", Name: "Beta testers"}},
	})
}
