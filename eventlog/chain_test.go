package eventlog

import (
	"encoding/json"
	"testing"
)

// The vectors were computed apart from this code, with Python's hashlib over bytes written by hand. They never change: heads
// that people keep elsewhere depend on them.
func TestTheChainOfKnownEventsIsKnown(t *testing.T) {
	id := ID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	full := Event{ID: id, Type: "FlagCreated", Data: []byte(`{"key":"banner"}`), Meta: map[string]string{"reason": "größer", "actor": "ann"}}
	bare := Event{ID: ID{255}, Type: "Noted"}
	first := Hash{}.Link(Digest("flag-shop.banner", full))
	second := first.Link(Digest("flag-shop.banner", bare))
	for name, c := range map[string]struct{ got, want string }{
		"digest": {Digest("flag-shop.banner", full).String(), "f852d37905ad08b1c88597a3472a0c5ecff3079efe793882ad0f924b9ad90524"},
		"first":  {first.String(), "fc999f45967a40b4c9070f0be88432225e8918122d5a1f98fe487ca081613d81"},
		"second": {second.String(), "12ef1ee60fda04d10167ced1de896ce977d457ae7bd1f876c11108995084799f"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", name, c.got, c.want)
		}
	}
}

func TestEveryPartOfAnEventHasItsPartInTheDigest(t *testing.T) {
	base := Event{ID: ID{1}, Type: "A", Data: []byte("d"), Meta: map[string]string{"a": "b", "c": "d"}}
	seen := map[Hash]string{Digest("s", base): "the event itself"}
	for name, change := range map[string]func(*Event){
		"id":                   func(e *Event) { e.ID = ID{2} },
		"type":                 func(e *Event) { e.Type = "B" },
		"data":                 func(e *Event) { e.Data = []byte("e") },
		"data and type":        func(e *Event) { e.Data, e.Type = nil, "Ad" },
		"a value":              func(e *Event) { e.Meta = map[string]string{"a": "b", "c": "e"} },
		"a name":               func(e *Event) { e.Meta = map[string]string{"a": "b", "e": "d"} },
		"a pair less":          func(e *Event) { e.Meta = map[string]string{"a": "b"} },
		"one pair of the same": func(e *Event) { e.Meta = map[string]string{"abc": "d"} },
		"no metadata":          func(e *Event) { e.Meta = nil },
	} {
		e := base
		change(&e)
		hash := Digest("s", e)
		if other, twice := seen[hash]; twice {
			t.Errorf("another %s has the digest of %s", name, other)
		}
		seen[hash] = name
	}
	if _, twice := seen[Digest("t", base)]; twice {
		t.Error("another stream has the same digest")
	}
	if Digest("s", Event{ID: ID{1}, Type: "A", Data: []byte{}, Meta: map[string]string{}}) != Digest("s", Event{ID: ID{1}, Type: "A"}) {
		t.Error("empty and nil are not the same")
	}
}

func TestAHashIsAStringInJSON(t *testing.T) {
	want := Hash{0xab, 1}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Hash
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%s reads back as %v, %v", text, got, err)
	}
	for _, bad := range []string{`"ab"`, `"zz"`, `""`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s is taken for a hash", bad)
		}
	}
}
