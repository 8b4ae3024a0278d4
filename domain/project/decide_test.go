package project_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/project"
)

type spec = domaintest.Spec[project.State, project.Command, project.Event]

func created(environments ...project.Environment) project.Event {
	if environments == nil {
		environments = []project.Environment{{Key: "production", Name: "Production"}}
	}
	return project.Created{Key: "shop", Name: "Shop", Environments: environments}
}

func many(n int) []project.Environment {
	var out []project.Environment
	for i := range n {
		key := fmt.Sprintf("e%d", i)
		out = append(out, project.Environment{Key: domain.EnvironmentKey(key), Name: key})
	}
	return out
}

func TestCreatingAProject(t *testing.T) {
	domaintest.Run(t, project.Aggregate, []spec{
		{
			Name: "a project without environments gets production and staging, and its key for a name",
			When: project.Create{Key: "shop"},
			Then: []project.Event{project.Created{Key: "shop", Name: "shop", Environments: []project.Environment{
				{Key: "production", Name: "Production"}, {Key: "staging", Name: "Staging"},
			}, UnitIDs: project.Hashed}},
		},
		{
			Name: "an environment without a name gets its key for one",
			When: project.Create{Key: "shop", Name: "Shop", Description: "Sells.", Environments: []project.Environment{{Key: "live"}}},
			Then: []project.Event{project.Created{Key: "shop", Name: "Shop", Description: "Sells.", Environments: []project.Environment{{Key: "live", Name: "live"}}, UnitIDs: project.Hashed}},
		},
		{
			Name: "fifty environments are allowed",
			When: project.Create{Key: "shop", Environments: many(50)},
			Then: []project.Event{project.Created{Key: "shop", Name: "shop", Environments: many(50), UnitIDs: project.Hashed}},
		},
		{
			Name: "unit ids are kept as they are sent only on request", When: project.Create{Key: "shop", Environments: many(1), UnitIDs: project.Raw},
			Then: []project.Event{project.Created{Key: "shop", Name: "shop", Environments: many(1), UnitIDs: project.Raw}},
		},
		{Name: "there is no third way to keep them", When: project.Create{Key: "shop", UnitIDs: "plain"}, Refused: "unknown_unit_ids", Pointer: "/unit_ids"},
		{Name: "fifty-one are not", When: project.Create{Key: "shop", Environments: many(51)}, Refused: "too_many_environments", Pointer: "/environments"},
		{Name: "a project is created once", Given: []project.Event{created()}, When: project.Create{Key: "shop"}, Refused: "already_exists", Kind: domain.KindExists},
		{Name: "its key has no capitals", When: project.Create{Key: "Shop"}, Refused: "bad_key", Pointer: "/key"},
		{Name: "its key has no point, because stream names join keys with it", When: project.Create{Key: "shop.de"}, Refused: "bad_key", Pointer: "/key"},
		{Name: "its key is not empty", When: project.Create{}, Refused: "bad_key"},
		{Name: "its name is no novel", When: project.Create{Key: "shop", Name: strings.Repeat("n", 201)}, Refused: "too_long", Pointer: "/name"},
		{Name: "its description has an end", When: project.Create{Key: "shop", Description: strings.Repeat("n", 4001)}, Refused: "too_long", Pointer: "/description"},
		{Name: "its description is text", When: project.Create{Key: "shop", Description: "\xff"}, Refused: "not_text", Pointer: "/description"},
		{
			Name: "no environment twice", When: project.Create{Key: "shop", Environments: []project.Environment{{Key: "live"}, {Key: "live"}}},
			Refused: "already_exists", Pointer: "/environments/1/key",
		},
		{
			Name: "the key of an environment has no point", When: project.Create{Key: "shop", Environments: []project.Environment{{Key: "a.b"}}},
			Refused: "bad_key", Pointer: "/environments/0/key",
		},
		{
			Name: "the name of an environment is short", When: project.Create{Key: "shop", Environments: []project.Environment{{Key: "a", Name: strings.Repeat("n", 201)}}},
			Refused: "too_long", Pointer: "/environments/0/name",
		},
	})
}

func TestChangingAProject(t *testing.T) {
	domaintest.Run(t, project.Aggregate, []spec{
		{Name: "what does not exist cannot be described", When: project.Describe{Name: "x"}, Refused: "not_found", Kind: domain.KindNotFound},
		{Name: "what does not exist gets no environment", When: project.AddEnvironment{}, Refused: "not_found", Kind: domain.KindNotFound},
		{
			Name: "describing", Given: []project.Event{created()}, When: project.Describe{Name: "The shop", Description: "It sells."},
			Then: []project.Event{project.Described{Name: "The shop", Description: "It sells."}},
		},
		{Name: "describing alike records nothing", Given: []project.Event{created()}, When: project.Describe{Name: "Shop"}},
		{
			Name: "an empty name is the key", Given: []project.Event{created()}, When: project.Describe{},
			Then: []project.Event{project.Described{Name: "shop"}},
		},
		{Name: "describing too long", Given: []project.Event{created()}, When: project.Describe{Name: strings.Repeat("n", 201)}, Refused: "too_long"},
		{
			Name: "adding an environment", Given: []project.Event{created()}, When: project.AddEnvironment{Environment: project.Environment{Key: "beta"}},
			Then: []project.Event{project.EnvironmentAdded{Environment: project.Environment{Key: "beta", Name: "beta"}}},
		},
		{
			Name: "adding one that is there", Given: []project.Event{created()}, When: project.AddEnvironment{Environment: project.Environment{Key: "production"}},
			Refused: "already_exists", Kind: domain.KindExists, Pointer: "/key",
		},
		{
			Name:  "adding one that was added before",
			Given: []project.Event{created(), project.EnvironmentAdded{Environment: project.Environment{Key: "beta", Name: "beta"}}},
			When:  project.AddEnvironment{Environment: project.Environment{Key: "beta"}}, Refused: "already_exists",
		},
		{
			Name: "adding the fifty-first", Given: []project.Event{created(many(50)...)},
			When: project.AddEnvironment{Environment: project.Environment{Key: "beta"}}, Refused: "too_many_environments",
		},
		{Name: "no command at all", Given: []project.Event{created()}, When: nil, Refused: "invalid"},
	})
}

func TestReplayingAProjectEqualsLivingIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "Shop", "<b> & \u2028", "\xff", "shop"})
		environment := rapid.Custom(func(t *rapid.T) project.Environment {
			return project.Environment{Key: domain.EnvironmentKey(rapid.SampledFrom([]string{"", "a", "b", "c.d", "e"}).Draw(t, "environment")), Name: text.Draw(t, "name")}
		})
		command := rapid.Custom(func(t *rapid.T) project.Command {
			switch rapid.IntRange(0, 3).Draw(t, "command") {
			case 0:
				return project.Create{Key: domain.ProjectKey(text.Draw(t, "key")), Name: text.Draw(t, "name"), Environments: rapid.SliceOfN(environment, 0, 3).Draw(t, "environments")}
			case 1:
				return project.Describe{Name: text.Draw(t, "name"), Description: text.Draw(t, "description")}
			case 2:
				return project.AddEnvironment{Environment: environment.Draw(t, "environment")}
			}
			return nil
		})
		if _, err := domaintest.Live(project.Aggregate, rapid.SliceOfN(command, 4, 16).Draw(t, "commands"), domaintest.Someone()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOnlyTheEnvironmentsOfAProjectAreItsOwn(t *testing.T) {
	s := project.Aggregate.Fold(created(), project.EnvironmentAdded{Environment: project.Environment{Key: "beta", Name: "Beta"}})
	if !s.Has("production") || !s.Has("beta") || s.Has("staging") || s.Has("") {
		t.Errorf("environments %+v", s.Environments)
	}
}
