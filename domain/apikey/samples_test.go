package apikey_test

import (
	"os"
	"testing"

	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/domain/domaintest"
)

func TestEventsOfThePastAreRead(t *testing.T) {
	domaintest.Samples(t, apikey.Aggregate, os.DirFS("testdata/events"), map[string]apikey.Event{
		"KeyIssued.v1.json":  apikey.Issued{Key: server()},
		"KeyRevoked.v1.json": apikey.Revoked{},
	})
}
