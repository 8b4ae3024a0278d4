package ofrep_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/assayhq/assay/flags/ofrep"
)

func TestTheRequestsOfClientsArePlain(t *testing.T) {
	for _, body := range []string{
		`{"context":{}}`,
		`{"context":{"targetingKey":"user-1","country":"DE","plan":"free"}}`,
		" {\n\t\"context\" : { \"targetingKey\" : \"\" , \"a\" : 0 , \"b\":-0,\"c\":-12.50, \"d\":true,\"e\":false,\"f\":null,\"\":9007199254740993 }\r\n}\n",
	} {
		var want map[string]any
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		if got, ok := ofrep.PlainRequest([]byte(body)); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v %v, want %v", body, ok, got, want)
		}
	}
}

// Left alone is what has to be refused, and what is not worth the code.
var notPlain = []string{
	"", " ", `{`, `{}`, `null`, `[]`, `{"context":`, `{"context":null}`, `{"context":{}`, `{"context":{}}}`, `{"context":{}} x`, `{"context":{},"a":1}`, `{"Context":{}}`,
	`{"context":{,}}`, `{"context":{"a":1,}}`, `{"context":{"a":1 "b":2}}`, `{"context":{"a":1,"a":2}}`, `{"context":{"a":[]}}`, `{"context":{"a":{}}}`, `{"context":{"a"}}`, `{"context":{"a":}}`,
	`{"context":{"a":01}}`, `{"context":{"a":-}}`, `{"context":{"a":+1}}`, `{"context":{"a":1.}}`, `{"context":{"a":.5}}`, `{"context":{"a":1e3}}`, `{"context":{"a":1_0}}`, `{"context":{"a":0x1}}`, `{"context":{"a":NaN}}`,
	`{"context":{"a":tru}}`, `{"context":{"a":truee}}`, `{"context":{"a":nul}}`, `{"context":{"a":"\u0041"}}`, "{\"context\":{\"a\":\"\x01\"}}", "{\"context\":{\"a\":\"\xff\"}}", `{"context":{"ü":1}}`, `{"context":{"a":"b}}`, "\ufeff{\"context\":{}}",
}

func TestWhatIsNotPlainIsLeftAlone(t *testing.T) {
	for _, body := range notPlain {
		if got, ok := ofrep.PlainRequest([]byte(body)); ok {
			t.Errorf("%q is read as %v", body, got)
		}
	}
}

// The oracle is encoding/json, and, because it takes the last of two members with one key, the number of the members.
func FuzzPlainRequest(f *testing.F) {
	for _, body := range notPlain {
		f.Add([]byte(body))
	}
	f.Add([]byte(`{"context":{"targetingKey":"a:b","n":-12.5,"t":true,"f":false,"z":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, ok := ofrep.PlainRequest(body)
		if !ok {
			return
		}
		var want map[string]any
		if err := json.Unmarshal(body, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %v, want %v (%v)", body, got, want, err)
		}
		if members := membersOf(t, body); members != 1+len(want["context"].(map[string]any)) {
			t.Fatalf("%q has a key twice", body)
		}
	})
}

// membersOf counts the members of flat objects: each is two tokens, beside four braces; the context's value is its braces.
func membersOf(t *testing.T, body []byte) int {
	t.Helper()
	tokens := 0
	decoder := json.NewDecoder(bytes.NewReader(body))
	for {
		if _, err := decoder.Token(); err != nil {
			return (tokens - 4 + 1) / 2
		}
		tokens++
	}
}
