package provider_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"testing"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/provider"
)

// What a flag says of itself reaches the app, whether it wants what the provider says or not, and stands above that.
func TestMetadataOfAFlagReachTheApp(t *testing.T) {
	told := tested("told")
	told.Metadata = map[string]json.RawMessage{
		"owner": json.RawMessage(`"checkout"`), "risk": json.RawMessage("0.5"), "whole": json.RawMessage("1.0"), "tickets": json.RawMessage("3"), "temporary": json.RawMessage("true"), "version": json.RawMessage(`"mine"`), "list": json.RawMessage("[]"),
	}
	want := openfeature.FlagMetadata{"owner": "checkout", "risk": 0.5, "whole": 1.0, "tickets": int64(3), "temporary": true, "version": "mine"}
	stuck := told
	stuck.Key, stuck.Stale = "stuck", true
	s := newServer(t, told, stuck)
	for _, wants := range []bool{false, true} {
		if wants {
			want["flagSetId"], want["experiment"] = "shop/production", told.Experiment.Key
		}
		a := newApp(t, s, slowly, func(c *provider.Config) { c.Metadata = wants }).start(t)
		d, err := a.BooleanValueDetails(t.Context(), "told", false, user("u"))
		if err != nil || !reflect.DeepEqual(d.FlagMetadata, want) {
			t.Errorf("with metadata %v: %v, %v", wants, d.FlagMetadata, err)
		}
		if n, err := d.FlagMetadata.GetInt("tickets"); err != nil || n != 3 {
			t.Errorf("%d tickets, %v", n, err)
		}
		with := maps.Clone(want)
		with["stale"] = true
		if d, _ := a.BooleanValueDetails(t.Context(), "stuck", false, user("u")); !reflect.DeepEqual(d.FlagMetadata, with) {
			t.Errorf("with metadata %v, a stale flag: %v", wants, d.FlagMetadata)
		}
		mistyped, _ := a.StringValueDetails(t.Context(), "told", "", user("u"))
		if mistyped.ErrorCode != openfeature.TypeMismatchCode || mistyped.FlagMetadata["owner"] != "checkout" {
			t.Errorf("of another type: %+v", mistyped)
		}
	}
}

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
