package apikey_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/domaintest"
)

type spec = domaintest.Spec[apikey.State, apikey.Command, apikey.Event]

// hash is SHA-256 of the empty text (FIPS 180-4 test vector).
const hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func server() apikey.Key {
	return apikey.Key{ID: "4f0c", Kind: apikey.Server, Name: "Backend", Project: "shop", Environment: "production", Hash: hash}
}

func issue(change func(*apikey.Key)) apikey.Command {
	k := server()
	change(&k)
	return apikey.Issue{Key: k}
}

func TestIssuingAnAPIKey(t *testing.T) {
	domaintest.Run(t, apikey.Aggregate, []spec{
		{Name: "a server key", When: issue(func(*apikey.Key) {}), Then: []apikey.Event{apikey.Issued{Key: server()}}},
		{
			Name: "a hash in capitals is written in small letters, so that it is found", When: issue(func(k *apikey.Key) { k.Hash = strings.ToUpper(hash) }),
			Then: []apikey.Event{apikey.Issued{Key: server()}},
		},
		{
			Name: "an admin key of the whole installation", When: apikey.Issue{Key: apikey.Key{ID: "a", Kind: apikey.Admin, Name: "First", Hash: hash}},
			Then: []apikey.Event{apikey.Issued{Key: apikey.Key{ID: "a", Kind: apikey.Admin, Name: "First", Hash: hash}}},
		},
		{
			Name: "an admin key of a project", When: apikey.Issue{Key: apikey.Key{ID: "a", Kind: apikey.Admin, Name: "Shop", Project: "shop", Hash: hash}},
			Then: []apikey.Event{apikey.Issued{Key: apikey.Key{ID: "a", Kind: apikey.Admin, Name: "Shop", Project: "shop", Hash: hash}}},
		},
		{Name: "an admin key is for no single environment", When: issue(func(k *apikey.Key) { k.Kind = apikey.Admin }), Refused: "wrong_scope", Pointer: "/environment"},
		{Name: "a server key needs an environment", When: issue(func(k *apikey.Key) { k.Environment = "" }), Refused: "wrong_scope"},
		{Name: "a client key needs a project", When: issue(func(k *apikey.Key) { k.Kind, k.Project = apikey.Client, "" }), Refused: "wrong_scope"},
		{Name: "the project is a key", When: issue(func(k *apikey.Key) { k.Project = "a.b" }), Refused: "bad_key", Pointer: "/project"},
		{Name: "the environment is a key", When: issue(func(k *apikey.Key) { k.Environment = "a.b" }), Refused: "bad_key", Pointer: "/environment"},
		{Name: "its kind is known", When: issue(func(k *apikey.Key) { k.Kind = "root" }), Refused: "unknown_kind", Pointer: "/kind"},
		{Name: "it has a name", When: issue(func(k *apikey.Key) { k.Name = "" }), Refused: "missing", Pointer: "/name"},
		{Name: "it has an id", When: issue(func(k *apikey.Key) { k.ID = "" }), Refused: "bad_key", Pointer: "/id"},
		{Name: "the secret itself is not taken", When: issue(func(k *apikey.Key) { k.Hash = "secret" }), Refused: "wrong_hash", Pointer: "/hash"},
		{Name: "nor a shorter hash", When: issue(func(k *apikey.Key) { k.Hash = hash[:40] }), Refused: "wrong_hash", Pointer: "/hash"},
		{Name: "it is issued once", Given: []apikey.Event{apikey.Issued{Key: server()}}, When: issue(func(*apikey.Key) {}), Refused: "already_exists", Kind: domain.KindExists},
		{
			Name: "a revoked one is not issued again", Given: []apikey.Event{apikey.Issued{Key: server()}, apikey.Revoked{}}, When: issue(func(*apikey.Key) {}),
			Refused: "already_exists", Kind: domain.KindExists,
		},
	})
}

func TestRevokingAnAPIKey(t *testing.T) {
	domaintest.Run(t, apikey.Aggregate, []spec{
		{Name: "revoking", Given: []apikey.Event{apikey.Issued{Key: server()}}, When: apikey.Revoke{}, Then: []apikey.Event{apikey.Revoked{}}},
		{Name: "revoking twice records nothing", Given: []apikey.Event{apikey.Issued{Key: server()}, apikey.Revoked{}}, When: apikey.Revoke{}},
		{Name: "what does not exist is not revoked", When: apikey.Revoke{}, Refused: "not_found", Kind: domain.KindNotFound},
		{Name: "no command at all", When: nil, Refused: "invalid"},
	})
}

func TestReplayingAnAPIKeyEqualsLivingIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "shop", "<b> & \u2028", "\xff", hash})
		command := rapid.Custom(func(t *rapid.T) apikey.Command {
			switch rapid.IntRange(0, 2).Draw(t, "command") {
			case 0:
				return apikey.Issue{Key: apikey.Key{
					ID: domain.KeyID(text.Draw(t, "id")), Kind: rapid.SampledFrom([]apikey.Kind{apikey.Admin, apikey.Client, ""}).Draw(t, "kind"), Name: text.Draw(t, "name"),
					Project: domain.ProjectKey(text.Draw(t, "project")), Environment: domain.EnvironmentKey(text.Draw(t, "environment")), Hash: hash,
				}}
			case 1:
				return apikey.Revoke{}
			}
			return nil
		})
		if _, err := domaintest.Live(apikey.Aggregate, rapid.SliceOfN(command, 4, 16).Draw(t, "commands"), domaintest.Someone()); err != nil {
			t.Fatal(err)
		}
	})
}
