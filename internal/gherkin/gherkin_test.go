package gherkin

import (
	"testing"

	"github.com/cucumber/godog"
)

// Left out is one outline of what the specification allows and a provider need not do.
//
//   - reason-codes-cached: the second of two evaluations answers CACHED. The provider keeps no answers: it decides each time, in less
//     time than finding an answer in a cache would take, and its reason is why the flag serves what it serves. CACHED in its place
//     would hide that (the same flags are STATIC, TARGETING_MATCH and DISABLED in the scenarios that do run) and would not be
//     true. That it decides by a ruleset which the server has not confirmed is told by its state, STALE.
const chosen = "~@reason-codes-cached"

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
	if scenarios < 116 {
		t.Errorf("only %d scenarios ran", scenarios)
	}
}
