package installation_test

import (
	"os"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/installation"
)

type spec = domaintest.Spec[installation.State, installation.Command, installation.Event]

const (
	one     = "0123456789abcdef0123456789abcdef"
	another = "ffffffffffffffffffffffffffffffff"
)

func TestIntroducingASecret(t *testing.T) {
	known := []installation.Event{installation.SecretIntroduced{Check: one}}
	domaintest.Run(t, installation.Aggregate, []spec{
		{Name: "the first one is recorded", When: installation.IntroduceSecret{Check: one}, Then: known},
		{Name: "the same one again is no news", Given: known, When: installation.IntroduceSecret{Check: one}},
		{Name: "another one is refused", Given: known, When: installation.IntroduceSecret{Check: another}, Refused: "another_secret", Kind: domain.KindState},
		{
			Name: "another one is recorded when that is what is wanted", Given: known, When: installation.IntroduceSecret{Check: another, Replace: true},
			Then: []installation.Event{installation.SecretIntroduced{Check: another}},
		},
		{Name: "a check value has 32 digits", When: installation.IntroduceSecret{Check: "0123"}, Refused: "wrong_check", Pointer: "/check"},
		{Name: "and they are hexadecimal", When: installation.IntroduceSecret{Check: "g123456789abcdef0123456789abcdef"}, Refused: "wrong_check"},
	})
}

func TestEventsOfThePastAreRead(t *testing.T) {
	domaintest.Samples(t, installation.Aggregate, os.DirFS("testdata/events"), map[string]installation.Event{
		"SecretIntroduced.v1.json": installation.SecretIntroduced{Check: one},
	})
}
