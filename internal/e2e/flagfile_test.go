package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/internal/app"
	"github.com/assayhq/assay/internal/client"
)

// Any file of flagd's is served unchanged: shared rules, expressions, odd keys, values of every type, flags without a value. It is
// watched, and a broken one changes nothing.
func TestAnEnvironmentIsServedFromAFileOfFlagds(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "flags.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"$schema":"https://flagd.dev/schema/v0/flags.json","flags":{
		"myBoolFlag":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[{"$ref":"staff"},"on"]}},
		"headerColor":{"state":"ENABLED","variants":{"red":"#f00","blue":"#00f"},"defaultVariant":"red","targeting":{"fractional":[["red",50],["blue",50]]}},
		"limit":{"state":"ENABLED","variants":{"low":1,"high":2.5},"defaultVariant":"low"},
		"dark":{"state":"DISABLED","variants":{"on":true},"defaultVariant":"on"},
		"none":{"state":"ENABLED","variants":{"on":true},"defaultVariant":null},
		"broken":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"nobody"}
	},"$evaluators":{"staff":{"ends_with":[{"var":"email"},"@shop.example"]}}}`)
	ctx, stop := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan app.Running, 1)
	go func() {
		ended <- app.Serve(ctx, app.Config{
			Data: filepath.Join(folder, "data"), Listen: "127.0.0.1:0", Flags: file, FlagsIn: "flags/production", Log: zerolog.Nop(),
		}, func(r app.Running) { ready <- r })
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	var running app.Running
	select {
	case running = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal("the server did not start: ", err)
	}
	c, err := client.New(running.URL, running.AdminKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	type evaluation struct {
		Value                      any
		Variant, Reason, ErrorCode string
	}
	all := func(context map[string]any) map[string]evaluation {
		t.Helper()
		var out struct{ Flags []json.RawMessage }
		_, err := c.Do(t.Context(), client.Request{Method: "POST", Path: "/ofrep/v1/evaluate/flags?project=flags&environment=production", Body: map[string]any{"context": context}}, &out)
		if err != nil {
			t.Fatal(err)
		}
		byKey := map[string]evaluation{}
		for _, raw := range out.Flags {
			var e struct {
				Key string
				evaluation
			}
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Fatal(err)
			}
			byKey[e.Key] = e.evaluation
		}
		return byKey
	}
	got := all(map[string]any{"targetingKey": "user-1", "email": "ann@shop.example"})
	for key, want := range map[string]evaluation{
		"myBoolFlag": {true, "on", "TARGETING_MATCH", ""}, "limit": {1.0, "low", "STATIC", ""}, "dark": {nil, "", "DISABLED", ""},
		"none": {nil, "", "DEFAULT", ""}, "broken": {nil, "", "", "PARSE_ERROR"}, "headerColor": got["headerColor"],
	} {
		if got[key] != want {
			t.Errorf("%s: got %+v, want %+v", key, got[key], want)
		}
	}
	if e := got["headerColor"]; e.Reason != "TARGETING_MATCH" || len(got) != 6 {
		t.Errorf("headerColor: %+v, of %d flags", e, len(got))
	}
	write(`{"flags":{`)
	if again := all(nil); len(again) != 6 {
		t.Errorf("a broken file has changed what is served: %v", again)
	}
	write(`{"flags":{"limit":{"state":"ENABLED","variants":{"low":1},"defaultVariant":"low"}}}`)
	for deadline := time.Now().Add(20 * time.Second); len(all(nil)) != 1; {
		if time.Now().After(deadline) {
			t.Fatal("the change of the file is not served")
		}
	}
}
