package gherkin

import (
	"testing"

	"github.com/cucumber/godog"
)

// Left out are scenarios of what a specification allows and a provider need not do.
//
//   - reason-codes-cached: the provider decides anew each time, there is nothing to cache.
//   - metadata: flags have no metadata of their own; what the provider's metadata is has tests there.
const chosen = "~@reason-codes-cached && ~@metadata && ~@Metadata"

func TestTheScenariosOfTheSpecification(t *testing.T) {
	scenarios := 0
	suite := godog.TestSuite{
		Name: "OpenFeature",
		ScenarioInitializer: func(sc *godog.ScenarioContext) {
			scenarios++
			w := &world{t: t}
			w.register(sc)
		},
		Options: &godog.Options{
			Format: "progress", Strict: true, NoColors: true, Tags: chosen, TestingT: t, Paths: []string{"testdata"},
		},
	}
	if status := suite.Run(); status != 0 {
		t.Errorf("the scenarios ended with status %d", status)
	}
	if scenarios < 110 {
		t.Errorf("only %d scenarios ran", scenarios)
	}
}
