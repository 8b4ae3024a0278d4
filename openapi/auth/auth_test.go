package auth_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/openapi/auth"
)

func minted(t testing.TB, key apikey.Key) (string, apikey.State) {
	t.Helper()
	token, issue, err := auth.Mint(rand.NewChaCha8([32]byte{7}), key)
	if err != nil {
		t.Fatal(err)
	}
	return token, apikey.State{Key: issue.Key}
}

func TestATokenIsItsKindItsIDAndASecretOf256Bits(t *testing.T) {
	token, state := minted(t, apikey.Key{Kind: apikey.Server, Name: "x", Project: "shop", Environment: "production"})
	parts := strings.Split(token, "_")
	if len(parts) != 4 || parts[0] != "assay" || parts[1] != "server" || parts[2] != string(state.Key.ID) || len(parts[3]) != 64 {
		t.Errorf("the token is %s", token)
	}
	if strings.Contains(fmt.Sprintf("%+v", state), parts[3]) {
		t.Error("the secret is in what is stored")
	}
}

func TestOnlyTheWholeTokenOpens(t *testing.T) {
	token, state := minted(t, apikey.Key{Kind: apikey.Client, Name: "x", Project: "shop", Environment: "production"})
	keys := auth.Keys(func(id domain.KeyID) (apikey.State, bool) { return state, id == state.Key.ID })
	p, ok := keys.Authenticate(token)
	if !ok || p.Kind != apikey.Client || p.Project != "shop" || p.Environment != "production" || p.Actor() != domain.Actor("key:"+string(state.Key.ID)) {
		t.Fatalf("%+v %v", p, ok)
	}
	parts := strings.Split(token, "_")
	for _, wrong := range []string{
		"", "_", "___", "assay", strings.ToUpper(token), token + "_", token + "0", token[:len(token)-1], " " + token,
		strings.Replace(token, "client", "admin", 1), strings.Replace(token, "client", "server", 1), "other" + token[5:],
		strings.Join(append(parts[:3:3], state.Key.Hash), "_"), strings.Join(append(parts[:3:3], ""), "_"),
		strings.Join([]string{parts[0], parts[1], "000000000000", parts[3]}, "_"),
	} {
		if p, ok := keys.Authenticate(wrong); ok || p != (auth.Principal{}) {
			t.Errorf("%q opens as %+v", wrong, p)
		}
	}
	state.Revoked = true
	if _, ok := keys.Authenticate(token); ok {
		t.Error("a revoked key opens")
	}
}

func TestAKeyThatWasNeverIssuedOpensNothing(t *testing.T) {
	keys := auth.Keys(func(domain.KeyID) (apikey.State, bool) { return apikey.State{}, false })
	for _, token := range []string{"assay___", "assay__x_", "assay_admin_x_y"} {
		if _, ok := keys.Authenticate(token); ok {
			t.Errorf("%q opens", token)
		}
	}
}

func TestAnOperationWithoutARuleIsForNobody(t *testing.T) {
	if v := auth.Judge("somethingNew", auth.Principal{Kind: apikey.Admin}, "shop"); v != auth.Forbidden {
		t.Errorf("the verdict is %v", v)
	}
}

func TestRandomnessThatFailsMakesNoKey(t *testing.T) {
	if token, _, err := auth.Mint(strings.NewReader("too short"), apikey.Key{Kind: apikey.Admin}); err == nil {
		t.Errorf("the token is %q", token)
	}
}

// BenchmarkAuthenticate shows that a key costs the same however many there are.
func BenchmarkAuthenticate(b *testing.B) {
	for _, many := range []int{10, 100_000} {
		b.Run(fmt.Sprintf("keys=%d", many), func(b *testing.B) {
			token, state := minted(b, apikey.Key{Kind: apikey.Client})
			states := map[domain.KeyID]apikey.State{state.Key.ID: state}
			for i := range many {
				states[domain.KeyID(fmt.Sprint(i))] = apikey.State{}
			}
			keys := auth.Keys(func(id domain.KeyID) (apikey.State, bool) { s, ok := states[id]; return s, ok })
			for b.Loop() {
				if _, ok := keys.Authenticate(token); !ok {
					b.Fatal("refused")
				}
			}
		})
	}
}
