package provider_test

import (
	"testing"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/provider"
)

// The server says that a flag stays as it was; the app is told with every evaluation, whether it wants metadata or not.
func TestAStaleFlagSaysSoToTheApp(t *testing.T) {
	stuck := fixed("stuck", flags.Boolean, "true")
	stuck.Stale = true
	s := newServer(t, stuck, fixed("well", flags.Boolean, "true"))
	for _, wants := range []bool{false, true} {
		a := newApp(t, s, slowly, func(c *provider.Config) { c.Metadata = wants }).start(t)
		for key, want := range map[string]bool{"stuck": true, "well": false} {
			d, err := a.BooleanValueDetails(t.Context(), key, false, user("u"))
			if err != nil || !d.Value {
				t.Fatalf("%s: %v, %+v", key, err, d)
			}
			stale, err := d.FlagMetadata.GetBool("stale")
			if said := err == nil && stale; said != want {
				t.Errorf("with metadata %v, %s has %v; want stale to be %v", wants, key, d.FlagMetadata, want)
			}
			if _, err := d.FlagMetadata.GetString("version"); (err == nil) != wants {
				t.Errorf("with metadata %v, %s has %v", wants, key, d.FlagMetadata)
			}
		}
	}
}
