package projections_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/assayhq/assay/projections"
)

type thing struct {
	Name  string
	Value json.RawMessage
	Parts []thing
	Next  *thing
	At    time.Time
	Count int
}

// What is compact is equal to what it was made of, nil and empty lists told apart, and shares nothing with it.
func TestCompactIsTheSame(t *testing.T) {
	record := strings.Repeat("x", 1<<10) + "key"
	roomy := make([]thing, 0, 8)
	value := thing{
		Name: record[1<<10:], Value: json.RawMessage(`{"a":1}`), Parts: append(roomy, thing{Name: "on", Parts: []thing{}}, thing{Name: strings.Repeat("long", 50)}),
		Next: &thing{Name: "on", Value: json.RawMessage(strings.Repeat(" ", 99))}, At: time.Unix(1, 2).UTC(), Count: 3,
	}
	before := fmt.Sprintf("%#v %#v", value, *value.Next)
	var texts projections.Texts
	got := projections.Compact(&texts, value)
	if !reflect.DeepEqual(got, value) {
		t.Errorf("%+v became %+v", value, got)
	}
	if after := fmt.Sprintf("%#v %#v", value, *value.Next); after != before {
		t.Errorf("what it was made of was %s and is %s", before, after)
	}
	if cap(got.Parts) != 2 || &got.Parts[0] == &value.Parts[0] || got.Next == value.Next {
		t.Errorf("lists and pointers are shared, or have room for %d", cap(got.Parts))
	}
	if unsafe.StringData(got.Name) == unsafe.StringData(value.Name) {
		t.Error("the key still holds on to the record")
	}
	if unsafe.StringData(got.Next.Name) != unsafe.StringData(got.Parts[0].Name) {
		t.Error("the same text is there twice")
	}
}

func TestTextsForgetsAndGoesOn(t *testing.T) {
	var texts projections.Texts
	for i := range 20_000 {
		if text := fmt.Sprint(i); texts.Of(text) != text {
			t.Fatalf("%s became another text", text)
		}
	}
	if allocations := testing.AllocsPerRun(100, func() { texts.Of("19999") }); allocations != 0 {
		t.Errorf("a known text costs %v allocations", allocations)
	}
}
