package measurement_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/assayhq/assay/domain/measurement"
)

func sample() measurement.Batch {
	at := time.Date(2026, 1, 31, 8, 0, 0, 123456789, time.UTC)
	return measurement.Batch{
		Project: "shop", Environment: "production", ReceivedAt: time.Date(2026, 2, 1, 0, 0, 0, 5_000_000, time.UTC),
		Exposures: []measurement.Exposure{{
			EventID: "x-1", Experiment: "checkout", Variant: "Mens E-Mail", UnitType: "device", Unit: "7", OccurredAt: at, Flag: "one-page", Reason: "SPLIT", FlagVersion: "812", TS: "assumed",
			Attributes: map[string]json.RawMessage{"country": json.RawMessage(`"<DE>"`), "age": json.RawMessage("42.0"), "new": json.RawMessage("true")},
		}},
		Measurements: []measurement.Measurement{
			{EventID: "m-1", Event: "purchase", UnitType: "user", Unit: "7", OccurredAt: at, Value: 12.5, Currency: "EUR", TS: "assumed", Properties: map[string]json.RawMessage{"items": json.RawMessage("3")}},
			{EventID: "m-2", Event: "purchase", UnitType: "user", Unit: "8", OccurredAt: at},
		},
	}
}

func TestABatchIsReadAsItWasWritten(t *testing.T) {
	for _, want := range []measurement.Batch{sample(), batch(t, 500), {Project: "p", Environment: "e"}} {
		name, body, err := measurement.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := measurement.Decode(name, body); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestBatchesOfThePastAreRead(t *testing.T) {
	for name, file := range map[string]string{measurement.WireBatchRecorded: ".v1.json.gz", measurement.WireBatchRecordedV2: ".columns", measurement.WireBatchRecordedV2 + " ": ".deflated.columns"} {
		name = strings.TrimSpace(name)
		body, err := os.ReadFile("testdata/events/" + name + file)
		if err != nil {
			t.Fatal(err)
		}
		want := sample()
		if strings.HasPrefix(file, ".deflated") {
			want = disguised()
		}
		if got, err := measurement.Decode(name, body); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s%s: got %+v, %v", name, file, got, err)
		}
	}
}

func TestAFullBatchOfARealExperimentFitsIntoOneEvent(t *testing.T) {
	all := batch(t, measurement.MaxItems/2)
	_, body, err := measurement.Encode(all)
	if err != nil || all.Len() != measurement.MaxItems || len(body) > measurement.MaxBatchBytes {
		t.Errorf("%d items have %d bytes, %v", all.Len(), len(body), err)
	}
}

func TestDamagedBatchesAreRefused(t *testing.T) {
	_, whole, err := measurement.Encode(disguised())
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, body := range map[string][]byte{
		"nothing": nil, "no gzip": []byte(`{"project":"shop"}`), "half": whole[:len(whole)/2], "a flipped bit": flipped,
		"no JSON": packed(t, strings.NewReader("shop")), "a bomb of 65 MiB": packed(t, io.LimitReader(spaces{}, 65<<20)),
		"a deflated bomb of 65 MiB": summed(append([]byte{1, 0, 0x80, 0x80, 0x80, 0x20}, deflated(t, io.LimitReader(spaces{}, 65<<20))...)),
		"an unknown packing":        summed(append([]byte{2}, whole[1:len(whole)-4]...)),
		"more items than bytes":     summed([]byte{0, 0, 9, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 1}),
	} {
		for _, version := range []string{measurement.WireBatchRecorded, measurement.WireBatchRecordedV2} {
			if got, err := measurement.Decode(version, body); err == nil {
				t.Errorf("%s was read as %+v", name, got)
			}
		}
	}
	if got, err := measurement.Decode("BatchRecorded.v3", whole); err == nil || !strings.Contains(err.Error(), "not known to this version") {
		t.Errorf("another version was read as %+v, %v", got, err)
	}
	for name, b := range map[string]measurement.Batch{
		"no number":           {Measurements: []measurement.Measurement{{Value: math.NaN()}}},
		"no JSON":             {Exposures: []measurement.Exposure{{Attributes: map[string]json.RawMessage{"a": json.RawMessage("x")}}}},
		"too many attributes": {Exposures: []measurement.Exposure{{Attributes: many(measurement.MaxAttributes + 1)}}},
	} {
		if _, _, err := measurement.Encode(b); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func many(n int) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for i := range n {
		all[fmt.Sprint(i)] = json.RawMessage("1")
	}
	return all
}

func summed(body []byte) []byte {
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

// disguised is a batch of ids in all the forms that are written down as bytes, and in some that look like them and are not.
func disguised() measurement.Batch {
	b := sample()
	b.ReceivedAt = b.ReceivedAt.Add(time.Nanosecond)
	for i, id := range []string{
		measurement.NewPseudonyms(make([]byte, 16)).Of("user", "user-7"), "h1.AAAAAAAAAAAAAAAAAAAAAB", "h1.AAAAAAAAAAAAAAAAAAAAA=", "h2.AAAAAAAAAAAAAAAAAAAAAA",
		"550e8400-e29b-41d4-a716-446655440000", "550E8400-E29B-41D4-A716-446655440000", "550e8400-e29b-41d4-a716-44665544000g", "550e8400e29b-41d4-a716-4466554400000",
		"0123456789abcdef", "0123456789abcdeF", "0123456789abcde", "00", strings.Repeat("ab", 64), strings.Repeat("ab", 65), "", "ü", "user-123",
	} {
		at := time.Date(1970+i, 1, 2, 3, 4, 5, i*1_000_000, time.UTC)
		b.Exposures = append(b.Exposures, measurement.Exposure{EventID: id, Unit: id, OccurredAt: at, Experiment: "checkout"})
		b.Measurements = append(b.Measurements, measurement.Measurement{EventID: id, Event: "purchase", Unit: id, OccurredAt: at, Value: []float64{0, -1, 1e300, 0.1, 5}[i%5], Currency: "EUR"})
	}
	return b
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func packed(t *testing.T, from io.Reader) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.Copy(w, from); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func deflated(t *testing.T, from io.Reader) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, from); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// FuzzDecode: whatever comes, it is a batch that is read again the same after it is written again, or an error.
func FuzzDecode(f *testing.F) {
	for _, b := range []measurement.Batch{sample(), disguised(), {}} {
		_, body, err := measurement.Encode(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body[:len(body)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := measurement.Decode(measurement.WireBatchRecordedV2, summed(body))
		if err != nil {
			return
		}
		name, again, err := measurement.Encode(b)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := measurement.Decode(name, again); err != nil || !reflect.DeepEqual(back, b) {
			t.Errorf("read %+v, then %+v, %v", b, back, err)
		}
	})
}

// The oracle is hash/fnv over the same bytes.
func TestFingerprintsAreFNV1a(t *testing.T) {
	m := sample().Measurements[0]
	h := fnv.New64a()
	text := func(all ...string) {
		for _, s := range all {
			h.Write(append([]byte(s), 0xff))
		}
	}
	number := func(n uint64) { h.Write(binary.LittleEndian.AppendUint64(nil, n)) }
	text("measurement", "purchase", "user", "7")
	number(uint64(m.OccurredAt.UnixNano()))
	number(math.Float64bits(12.5))
	text("EUR", "assumed", "items", "n")
	number(math.Float64bits(3))
	if got := m.Fingerprint(); got != h.Sum64() {
		t.Errorf("got %x, want %x", got, h.Sum64())
	}
}

func TestEverythingButTheIDMakesTheFingerprint(t *testing.T) {
	id := map[string]bool{"EventID": true}
	differs(t, sample().Exposures[0], measurement.Exposure.Fingerprint, id)
	differs(t, sample().Measurements[0], measurement.Measurement.Fingerprint, id)
}

// differs changes each field for itself; those in same must leave the fingerprint alone, all others must change it.
func differs[T any](t *testing.T, item T, fingerprint func(T) uint64, same map[string]bool) {
	t.Helper()
	was := fingerprint(item)
	for i := range reflect.TypeFor[T]().NumField() {
		changed := item
		field := reflect.ValueOf(&changed).Elem().Field(i)
		switch v := field.Interface().(type) {
		case time.Time:
			field.Set(reflect.ValueOf(v.Add(1)))
		case float64:
			field.SetFloat(v + 1)
		case map[string]json.RawMessage:
			field.Set(reflect.ValueOf(map[string]json.RawMessage{"other": json.RawMessage("1")}))
		default:
			field.SetString(field.String() + "x")
		}
		if name := reflect.TypeFor[T]().Field(i).Name; (fingerprint(changed) == was) != same[name] {
			t.Errorf("%T.%s: the fingerprint was %x and is %x", item, name, was, fingerprint(changed))
		}
	}
}

func TestAFingerprintSeesWhatIsSaidAndNotHow(t *testing.T) {
	of := func(value string) uint64 {
		return measurement.Measurement{Properties: map[string]json.RawMessage{"a": json.RawMessage(value)}}.Fingerprint()
	}
	for _, same := range [][2]string{{`"é<"`, `"\u00e9\u003c"`}, {"1", "1.0"}, {"10", "1e1"}, {"0", "-0"}, {`"a\/b"`, `"a/b"`}} {
		if of(same[0]) != of(same[1]) {
			t.Errorf("%s and %s say the same", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{`"1"`, "1"}, {`"true"`, "true"}, {"true", "false"}, {"9007199254740992", "9007199254740993"}, {`"a"`, `"A"`}, {"1", "2"}} {
		if of(other[0]) == of(other[1]) {
			t.Errorf("%s and %s do not say the same", other[0], other[1])
		}
	}
	if (measurement.Measurement{Value: 0}).Fingerprint() != (measurement.Measurement{Value: math.Copysign(0, -1)}).Fingerprint() {
		t.Error("0 and -0 are the same value")
	}
	if (measurement.Measurement{Event: "ab", Unit: "c"}).Fingerprint() == (measurement.Measurement{Event: "a", Unit: "bc"}).Fingerprint() {
		t.Error("texts run into each other")
	}
}

func TestFingerprintsDoNotAllocate(t *testing.T) {
	b := sample()
	if n := testing.AllocsPerRun(100, func() { b.Exposures[0].Fingerprint(); b.Measurements[0].Fingerprint() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParse holds the parsers to encoding/json: what they accept is JSON that it reads the same, and what is accepted once
// comes back from the log, and is accepted again, with the same fingerprint.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		string(exposureText(7)), string(measurementText(7)), with(), exposureWith(), with("value", "-1.5e-7", "unit_id", `"\ud83d\ude00\ud800\u0041"`), with("properties", `{"a":null,"b":"\u003c","c":-0.0e0}`),
		exposureWith("attributes", `{ "a" : true , "b\n" : "x" }`), "{}", `{"unit_id":"` + "\xff" + `"}`, with("value", "1E+3"), with("ts", "null"),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if x, err := measurement.ParseExposure(text); err == nil {
			var loose struct {
				measurement.Exposure
				Type, ReceivedAt *string
			}
			agrees(t, text, &loose)
			loose.EventID, loose.UnitType, loose.OccurredAt, loose.Attributes = x.EventID, x.UnitType, loose.OccurredAt.UTC(), x.Attributes
			if !reflect.DeepEqual(loose.Exposure, x) {
				t.Errorf("read as %+v, encoding/json says %+v", x, loose.Exposure)
			}
			comesBack(t, measurement.Batch{Exposures: []measurement.Exposure{x}})
		}
		if m, err := measurement.ParseMeasurement(text); err == nil {
			var loose struct {
				measurement.Measurement
				Value            *float64 `json:"value"`
				Type, ReceivedAt *string
			}
			agrees(t, text, &loose)
			if loose.Value != nil && *loose.Value != m.Value || loose.Value == nil && m.Value != 1 || loose.Unit != m.Unit || loose.Event != m.Event || !loose.OccurredAt.Equal(m.OccurredAt) {
				t.Errorf("read as %+v, encoding/json says %+v", m, loose)
			}
			comesBack(t, measurement.Batch{Measurements: []measurement.Measurement{m}})
		}
	})
}

func agrees(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil || !utf8.Valid(text) {
		t.Fatalf("accepted %q, but encoding/json says %v", text, err)
	}
}

func comesBack(t *testing.T, b measurement.Batch) {
	t.Helper()
	name, body, err := measurement.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	back, err := measurement.Decode(name, body)
	if err != nil || !reflect.DeepEqual(back, b) {
		t.Fatalf("written %+v, read %+v, %v", b, back, err)
	}
	again, err := accept(back)
	if err != nil || again != fingerprints(b) {
		t.Errorf("accepted %+v once, then with fingerprint %x instead of %x, %v", b, again, fingerprints(b), err)
	}
}

func accept(b measurement.Batch) (uint64, error) {
	var errs []error
	for i := range b.Exposures {
		errs = append(errs, measurement.CheckExposure(&b.Exposures[i]))
	}
	for i := range b.Measurements {
		errs = append(errs, measurement.CheckMeasurement(&b.Measurements[i]))
	}
	return fingerprints(b), errors.Join(errs...)
}

func fingerprints(b measurement.Batch) (sum uint64) {
	for _, x := range b.Exposures {
		sum += x.Fingerprint()
	}
	for _, m := range b.Measurements {
		sum += m.Fingerprint()
	}
	return sum
}
