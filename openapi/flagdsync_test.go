package openapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/sync/v1/syncv1connect"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"

	"github.com/assayhq/assay/openapi"
)

// flagdClient speaks gRPC to the handler, over HTTP/2 without TLS as flagd's providers do.
func flagdClient(t *testing.T, w *world, handler http.Handler) syncv1connect.FlagSyncServiceClient {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	s.Config.Protocols = &protocols
	s.Start()
	transport := &http.Transport{Protocols: &protocols}
	t.Cleanup(func() {
		w.stop()
		transport.CloseIdleConnections()
		s.Close()
	})
	return syncv1connect.NewFlagSyncServiceClient(&http.Client{Transport: transport}, s.URL, connect.WithGRPC())
}

// fetch asks with the header and selector.
func fetch(t *testing.T, c syncv1connect.FlagSyncServiceClient, header, value, selector string) (string, error) {
	t.Helper()
	r := connect.NewRequest(&syncv1.FetchAllFlagsRequest{Selector: selector}) //nolint:staticcheck // clients still send it
	if header != "" {
		r.Header().Set(header, value)
	}
	answer, err := c.FetchAllFlags(t.Context(), r)
	if err != nil {
		return "", err
	}
	return answer.Msg.GetFlagConfiguration(), nil
}

func TestFlagdsClientsShowAKeyOrComeToAListenerOfTheirOwn(t *testing.T) {
	w := newTypes(t, func(d *openapi.Dependencies) { d.FlagdKeyInSelector = true })
	strict := newTypes(t)
	var dependencies openapi.Dependencies
	free := newTypes(t, func(d *openapi.Dependencies) { dependencies = *d })
	onPort, onStrict, onOwn := flagdClient(t, w, w.handler), flagdClient(t, strict, strict.handler), flagdClient(t, free, openapi.NewFlagdSync(t.Context(), dependencies))
	const place = "flagSetId=shop/production"
	for name, c := range map[string]struct {
		client                  syncv1connect.FlagSyncServiceClient
		header, value, selector string
		code                    connect.Code // 0 for the flags
	}{
		"a server key":                        {onPort, "authorization", "Bearer " + w.server, "", 0},
		"the other header":                    {onPort, "x-api-key", w.server, "", 0},
		"a server key and its place":          {onPort, "x-api-key", w.server, place, 0},
		"an admin key and a place":            {onPort, "x-api-key", w.admin, place, 0},
		"a bare selector":                     {onPort, "x-api-key", w.admin, "shop/production", 0},
		"a source":                            {onPort, "x-api-key", w.admin, "source=shop/production", 0},
		"an admin key without a place":        {onPort, "x-api-key", w.admin, "", connect.CodeInvalidArgument},
		"no such place":                       {onPort, "x-api-key", w.admin, "flagSetId=shop/moon", connect.CodeNotFound},
		"a client key":                        {onPort, "x-api-key", w.client, "", connect.CodePermissionDenied},
		"another place":                       {onPort, "x-api-key", w.server, "flagSetId=shop/staging", connect.CodePermissionDenied},
		"a wrong key":                         {onPort, "x-api-key", "assay_server_x_y", "", connect.CodeUnauthenticated},
		"no key":                              {onPort, "", "", place, connect.CodeUnauthenticated},
		"an unknown selector":                 {onPort, "x-api-key", w.server, "color=blue", connect.CodeInvalidArgument},
		"the key as selector":                 {onPort, "", "", w.server, 0},
		"the key as selector, not allowed":    {onStrict, "", "", strict.server, connect.CodeUnauthenticated},
		"the own listener":                    {onOwn, "", "", place, 0},
		"the own listener, by header":         {onOwn, "flagd-selector", place, "flagSetId=shop/moon", 0},
		"the own listener, no place":          {onOwn, "", "", "", connect.CodeInvalidArgument},
		"the own listener with a wrong key":   {onOwn, "x-api-key", "assay_server_x_y", place, connect.CodeUnauthenticated},
		"the own listener with a key for one": {onOwn, "x-api-key", free.server, "flagSetId=shop/staging", connect.CodePermissionDenied},
	} {
		text, err := fetch(t, c.client, c.header, c.value, c.selector)
		switch {
		case c.code != 0:
			if err == nil || connect.CodeOf(err) != c.code {
				t.Errorf("%s: got %v, want %v", name, err, c.code)
			}
		case err != nil || !strings.Contains(text, `"word":{"state":"ENABLED"`):
			t.Errorf("%s: got %s %v", name, text, err)
		}
	}
	if _, err := onPort.GetMetadata(t.Context(), connect.NewRequest(&syncv1.GetMetadataRequest{})); connect.CodeOf(err) != connect.CodeUnimplemented { //nolint:staticcheck // Java and Python call it first
		t.Errorf("GetMetadata: %v, clients tolerate nothing but unimplemented", err)
	}
}

func TestFlagdsStreamSendsEveryChangeUntilTheKeyIsRevoked(t *testing.T) {
	w := newTypes(t)
	c := flagdClient(t, w, w.handler)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r := connect.NewRequest(&syncv1.SyncFlagsRequest{})
	r.Header().Set("x-api-key", w.server)
	stream, err := c.SyncFlags(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	next := func() (set struct {
		Flags map[string]struct{ DefaultVariant string }
	},
	) {
		if !stream.Receive() {
			t.Fatal("the stream ended: ", stream.Err())
		}
		if err := json.Unmarshal([]byte(stream.Msg().GetFlagConfiguration()), &set); err != nil {
			t.Fatal(err)
		}
		return set
	}
	if got := next().Flags["word"].DefaultVariant; got != "a" {
		t.Errorf("at first the default is %q", got)
	}
	w.must("PATCH", shop+"/flags/word/environments/production", `{"default":{"variant":"b"}}`)
	if got := next().Flags["word"].DefaultVariant; got != "b" {
		t.Errorf("after the change the default is %q", got)
	}
	w.must("DELETE", shop+"/keys/"+strings.Split(w.server, "_")[2], "")
	w.must("PATCH", shop+"/flags/word/environments/production", `{"default":{"variant":"a"}}`)
	if stream.Receive() || connect.CodeOf(stream.Err()) != connect.CodeUnauthenticated {
		t.Errorf("after the key was revoked: %v", stream.Err())
	}
}

func TestWhatFlagdCannotSayIsToldPerFlag(t *testing.T) {
	w := newTypes(t)
	w.must("PATCH", shop+"/flags/word/environments/production", `{"logic":{"rule":{"fractional":[["a",1],["b",1]]},"fractional":"flagd/1"}}`)
	var problems struct {
		Items []struct{ Flag, Detail string }
	}
	decode(t, w.do(call{method: "GET", path: "/api/v1/ruleset/flagd/problems", key: w.server}), &problems)
	if len(problems.Items) != 1 || problems.Items[0].Flag != "word" || !strings.Contains(problems.Items[0].Detail, "0.15") {
		t.Errorf("%+v", problems)
	}
	answer := w.do(call{method: "GET", path: "/api/v1/ruleset/flagd", key: w.server})
	var set struct {
		Flags map[string]struct {
			Metadata  map[string]any
			Targeting any
		}
	}
	decode(t, answer, &set)
	if f := set.Flags["word"]; f.Metadata["problem"] != problems.Items[0].Detail || f.Targeting == nil {
		t.Errorf("the flag is %+v", f)
	}
	tag := answer.Header().Get("ETag")
	again := w.do(call{method: "GET", path: "/api/v1/ruleset/flagd", key: w.server, header: map[string]string{"If-None-Match": tag}})
	if again.Code != 304 || tag == "" {
		t.Errorf("%d with the tag %q", again.Code, tag)
	}
}
