package openapi_test

import (
	"maps"
	"testing"
)

// The oracle is the long way, which a request takes whose length is not told.
func TestOFREPIsAnsweredTheSameOnTheShortWayAndTheLong(t *testing.T) {
	w := newTypes(t)
	for _, body := range []string{
		`{"context":{"targetingKey":"user-1","country":"DE","plan":"free","age":-1.5,"new":true,"old":false,"gone":null}}`,
		` { "context" : { } } `, `{"context":{"targetingKey":""}}`, `{"context":{"targetingKey":7}}`, `{"context":{"targetingKey":null}}`,
		`{"context":{"targetingKey":"\u00fc","plan":"ü","a":{"b":[1,1e3]}},"more":1}`, `{}`, `null`, `[]`, `{"context":null}`, `{"context":[]}`, `{"context":`,
		`{"context":{"a":1,"a":2}}`, `{"context":{"a":01}}`, `{"context":{"a":1e999}}`, `{"context":{}} x`, "{\"context\":{\"a\":\"\xff\"}}", `{"Context":{}}`,
	} {
		for _, key := range []string{"/word", "/nothing"} {
			c := call{method: "POST", path: evaluate + key, key: w.client, body: body}
			short := serve(w, c.request())
			r := c.request()
			r.ContentLength = -1
			long := serve(w, r)
			for _, h := range []map[string][]string{short.Header(), long.Header()} {
				if len(h["X-Request-Id"]) != 1 || len(h["X-Request-Id"][0]) != 16 {
					t.Errorf("%s %s: request id %q", key, body, h["X-Request-Id"])
				}
				delete(h, "X-Request-Id")
			}
			same := maps.EqualFunc(short.Header(), long.Header(), func(a, b []string) bool { return len(a) == 1 && len(b) == 1 && a[0] == b[0] })
			if short.Code != long.Code || short.Body.String() != long.Body.String() || !same {
				t.Errorf("%s %s: %d %s %v, the long way %d %s %v", key, body, short.Code, short.Body, short.Header(), long.Code, long.Body, long.Header())
			}
		}
	}
}
