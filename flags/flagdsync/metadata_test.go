package flagdsync_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/flagdsync"
)

// Metadata of a file are what flagd evaluates to: the set's below the flag's own. They come out as they went in.
func TestMetadataAreReadAndWritten(t *testing.T) {
	file, err := flagdsync.Parse([]byte(`{"metadata":{"owner":"all","team":7},"flags":{
		"own":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on","metadata":{"owner":"me","ratio":1.0}},
		"none":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	snapshot := file.Snapshot("shop", "production", 1)
	rules, err := flags.Compile(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	set, err := flagdsync.Export(snapshot, nil)
	if err != nil {
		t.Fatal(err)
	}
	var exported struct {
		Flags map[string]struct{ Metadata map[string]json.RawMessage }
	}
	if err := json.Unmarshal(set.JSON, &exported); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]map[string]any{
		"own": {"owner": "me", "team": int64(7), "ratio": 1.0}, "none": {"owner": "all", "team": int64(7)},
	} {
		if got := rules.Decide(key, flags.Subject{}).Metadata.Values(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s evaluates to %v", key, got)
		}
		out := exported.Flags[key].Metadata
		if len(out) != len(want)+1 || out["version"] == nil || string(out["team"]) != "7" {
			t.Errorf("%s is exported with %s", key, out)
		}
	}
	if got := string(exported.Flags["own"].Metadata["ratio"]); got != "1.0" {
		t.Errorf("the number is written as %s", got)
	}
}
