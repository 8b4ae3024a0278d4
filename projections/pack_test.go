package projections_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/projections"
)

type thing struct {
	Name   string
	Value  json.RawMessage
	Parts  []thing
	Next   *thing
	At     time.Time
	Count  int
	Weight uint32
	On     bool
}

func things(depth int) *rapid.Generator[thing] {
	return rapid.Custom(func(t *rapid.T) thing {
		out := thing{
			Name: rapid.SampledFrom([]string{"", "on", "off", "é", strings.Repeat("x", 99)}).Draw(t, "name"), Count: rapid.Int().Draw(t, "count"),
			Weight: rapid.Uint32().Draw(t, "weight"), On: rapid.Bool().Draw(t, "on"), Value: rapid.SampledFrom([]json.RawMessage{nil, {}, json.RawMessage("true")}).Draw(t, "value"),
			At: rapid.SampledFrom([]time.Time{{}, time.Unix(1, 2).UTC(), time.Date(9999, 12, 31, 0, 0, 0, 1, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)}).Draw(t, "at"),
		}
		if depth > 0 {
			out.Parts = rapid.OneOf(rapid.Just[[]thing](nil), rapid.SliceOfN(things(depth-1), 0, 3)).Draw(t, "parts")
			out.Next = rapid.Ptr(things(depth-1), true).Draw(t, "next")
		}
		return out
	})
}

// What is unpacked is equal to what was packed, nil and empty lists told apart, whatever was packed before, and packing does not
// change what is packed.
func TestUnpackingUndoesPacking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var words projections.Words
		all := rapid.SliceOfN(things(3), 1, 5).Draw(t, "all")
		packed := make([]projections.Packed, len(all))
		for i, value := range all {
			before := fmt.Sprintf("%#v", value)
			var err error
			if packed[i], err = projections.Pack(&words, fmt.Sprint(i), value); err != nil {
				t.Fatal(err)
			}
			if after := fmt.Sprintf("%#v", value); after != before {
				t.Fatalf("%s became %s", before, after)
			}
		}
		for i, value := range all {
			got, err := projections.Unpack[thing](&words, packed[i])
			if err != nil || !reflect.DeepEqual(got, value) {
				t.Fatalf("%+v became %+v, error %v", value, got, err)
			}
		}
	})
}

// Numbers of every size survive. The oracle is the value itself.
func TestNumbersSurvive(t *testing.T) {
	type numbers struct {
		A int64
		B uint64
		C int8
	}
	for _, n := range []numbers{{math.MinInt64, math.MaxUint64, -128}, {math.MaxInt64, 1, 127}, {-1, 1 << 63, -1}} {
		var words projections.Words
		packed, err := projections.Pack(&words, "it", n)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := projections.Unpack[numbers](&words, packed); got != n || err != nil {
			t.Errorf("%+v became %+v, error %v", n, got, err)
		}
	}
}

// A text that two things have is a number of one byte; before that it is written out.
func TestWhatManyThingsHaveTakesAByte(t *testing.T) {
	var words projections.Words
	var sizes []int
	for _, of := range []string{"one", "one", "two", "one", "three"} {
		packed, err := projections.Pack(&words, of, thing{Name: "production"})
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(packed))
	}
	// The set of fields, the length, the text; then the set of fields and the number.
	if fmt.Sprint(sizes) != "[12 12 2 2 2]" {
		t.Errorf("the sizes are %v", sizes)
	}
}

func TestWhatCannotBePackedIsSaid(t *testing.T) {
	var words projections.Words
	if _, err := projections.Pack(&words, "it", struct{ M map[string]int }{map[string]int{"a": 1}}); err == nil {
		t.Error("a map is packed")
	}
	if _, err := projections.Pack(&words, "it", struct{ hidden int }{1}); err == nil {
		t.Error("an unexported field is packed")
	}
}

// Whatever is read, nothing breaks; what is of other words or cut off is an error.
func TestWhatWasNotPackedIsAnError(t *testing.T) {
	var words, none projections.Words
	var packed projections.Packed
	for of := range 3 {
		packed, _ = projections.Pack(&words, fmt.Sprint(of), thing{Name: "on", Parts: []thing{{Name: "on"}, {Count: 300}}})
	}
	if _, err := projections.Unpack[thing](&none, packed); err == nil {
		t.Error("it can be read without its words")
	}
	for i := range len(packed) {
		if _, err := projections.Unpack[thing](&words, packed[:i]); err == nil && i > 0 {
			t.Errorf("%d bytes of %d can be read", i, len(packed))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		_, _ = projections.Unpack[thing](&words, projections.Packed(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
	})
}

// However many texts there are, what was packed can be read.
func TestWordsForgetAndGoOn(t *testing.T) {
	var words projections.Words
	var packed []projections.Packed
	for i := range 150_000 {
		one, err := projections.Pack(&words, fmt.Sprint(i), thing{Name: fmt.Sprint(i / 2)})
		if err != nil {
			t.Fatal(err)
		}
		packed = append(packed, one)
	}
	for i := range packed {
		if got, err := projections.Unpack[thing](&words, packed[i]); err != nil || got.Name != fmt.Sprint(i/2) {
			t.Fatalf("%d became %s, error %v", i/2, got.Name, err)
		}
	}
	record := strings.Repeat("x", 1<<10) + "key"
	if key := record[1<<10:]; unsafe.StringData(words.Of(key)) == unsafe.StringData(key) {
		t.Error("the key still holds on to the record")
	}
	if first, again := words.Of("1"), words.Of("1"); unsafe.StringData(first) != unsafe.StringData(again) {
		t.Error("the same text is there twice")
	}
}

func BenchmarkUnpack(b *testing.B) {
	var words projections.Words
	value := thing{Name: "a", Parts: []thing{{Name: "on", Value: json.RawMessage("true")}, {Name: "off", Value: json.RawMessage("false")}}, Next: &thing{Name: "next", Count: 5}}
	var packed projections.Packed
	for of := range 3 {
		packed, _ = projections.Pack(&words, fmt.Sprint(of), value)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := projections.Unpack[thing](&words, packed); err != nil {
			b.Fatal(err)
		}
	}
}
