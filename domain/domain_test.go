package domain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
)

func TestKeys(t *testing.T) {
	longest := strings.Repeat("k", 128)
	for key, ok := range map[string]bool{
		"a": true, "0": true, "free-shipping": true, "a.b_c-d": true, longest: true,
		"": false, longest + "k": false, "A": false, "-a": false, ".a": false, "a b": false, "a/b": false, "ä": false, "a\n": false, "a\xff": false,
	} {
		if err := domain.CheckKey("flag", key); (err == nil) != ok {
			t.Errorf("key %q: %v", key, err)
		}
		if err := domain.CheckBroughtKey("flag", domain.FlagKey(key)); (err == nil) != (ok || key == "A") {
			t.Errorf("key of a flag %q: %v", key, err)
		}
		if err := domain.CheckProjectKey("project", key); (err == nil) != (ok && !strings.Contains(key, ".")) {
			t.Errorf("project key %q: %v", key, err)
		}
	}
}

func TestVariantKeysAreShortPrintableText(t *testing.T) {
	for key, ok := range map[domain.VariantKey]bool{
		"on": true, "Mens E-Mail": true, "größer": true, domain.VariantKey(strings.Repeat("v", 128)): true,
		"": false, " on": false, "on ": false, "a\nb": false, "a\u00a0b": false, "\xff": false, domain.VariantKey(strings.Repeat("v", 129)): false,
	} {
		if err := domain.CheckVariant(key); (err == nil) != ok {
			t.Errorf("variant %q: %v", key, err)
		}
	}
}

func TestAnOverlongKeyIsNotEchoedInFull(t *testing.T) {
	err := domain.CheckKey("flag", strings.Repeat("ä", 1<<20))
	if err == nil || len(err.Error()) > 1_000 {
		t.Errorf("the sentence has %d bytes", len(fmt.Sprint(err)))
	}
}

func TestTexts(t *testing.T) {
	for _, c := range []struct {
		text     string
		required bool
		code     string
	}{
		{"", false, ""},
		{"word", true, ""},
		{"1234567890", true, ""},
		{"", true, "missing"},
		{" \t", true, "missing"},
		{"12345678901", false, "too_long"},
		{"\xff", false, "not_text"},
		{"a\x00", false, "not_text"},
	} {
		err := domain.CheckText("/name", "name", c.text, c.required, 10)
		r, refused := domain.AsRefusal(err)
		if refused != (c.code != "") || refused && (r.Code != c.code || r.Pointer != "/name") {
			t.Errorf("%q: %+v, want %q", c.text, r, c.code)
		}
	}
}

func TestStreamsOfDifferentThingsHaveDifferentNames(t *testing.T) {
	if got := domain.Stream("flag", "shop", domain.FlagKey("checkout")); got != "flag-shop.checkout" {
		t.Error(got)
	}
	if got := domain.Stream("project", "", domain.ProjectKey("shop")); got != "project-shop" {
		t.Error(got)
	}
}

func TestARefusalIsFoundBehindOtherErrorsAndKeepsItsOriginal(t *testing.T) {
	original := domain.Exists("there is a %s already", "flag")
	moved := domain.At("/key", original.WithCode("taken"))
	found, ok := domain.AsRefusal(fmt.Errorf("creating: %w", moved))
	if !ok || *found != (domain.Refusal{Kind: domain.KindExists, Code: "taken", Pointer: "/key", Sentence: "there is a flag already"}) {
		t.Errorf("found %+v", found)
	}
	if original.Code != "already_exists" || original.Pointer != "" {
		t.Errorf("the original became %+v", *original)
	}
	other := errors.New("other")
	if !errors.Is(domain.At("/key", other), other) || domain.At("/key", nil) != nil {
		t.Error("what is no refusal was changed")
	}
}

type happened struct {
	Text string `json:"text"`
}

func TestEventsAreReadStrictlyButForFieldsOfLaterVersions(t *testing.T) {
	wire := domain.Wire[any]{"Happened": domain.As[happened, any]}
	got, err := wire.Decode("Happened", []byte(`{"text":"<é>","later":[1]}`))
	if err != nil || got != (happened{Text: "<é>"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, body := range []string{"", "null", "[]", `"text"`, "1", "{", `{"text":1}`, `{} {}`} {
		if got, err := wire.Decode("Happened", []byte(body)); err == nil {
			t.Errorf("%q was read as %+v", body, got)
		}
	}
	if _, err := wire.Decode("Unheard", []byte("{}")); err == nil || !strings.Contains(err.Error(), "Unheard") {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestEventsAreWrittenAsTheyAre(t *testing.T) {
	name, body, err := domain.WriteEvent("Happened", happened{Text: "<é> & \"\n"})
	if err != nil || name != "Happened" || string(body) != `{"text":"<é> & \"\n"}` {
		t.Errorf("%s %s %v", name, body, err)
	}
	if _, _, err := domain.WriteEvent("", happened{}); err == nil {
		t.Error("an event without a name was written")
	}
	if _, _, err := domain.WriteEvent("Happened", func() {}); err == nil {
		t.Error("what is no JSON was written")
	}
}
