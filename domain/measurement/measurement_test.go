package measurement_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/assayhq/assay/domain/measurement"
)

func exposureText(i int) []byte {
	return fmt.Appendf(nil, `{"event_id":"hillstrom-x-%d","type":"exposure","experiment_key":"hillstrom-email","variant":"Womens E-Mail","unit_type":"user","unit_id":"%d","occurred_at":"2024-01-01T00:00:00Z","attributes":{"recency":10,"history_segment":"2) $100 - $200","zip_code":"Surburban","newbie":0,"channel":"Phone","mens":1,"womens":0},"ts":"assumed"}`, i, i)
}

func measurementText(i int) []byte {
	return fmt.Appendf(nil, `{"event_id":"hillstrom-p-%d","type":"measurement","event_name":"purchase","unit_type":"user","unit_id":"%d","occurred_at":"2023-12-31T00:00:00Z","value":142.44,"properties":{"period":"pre_year"},"ts":"assumed"}`, i, i)
}

func batch(t testing.TB, n int) measurement.Batch {
	t.Helper()
	b := measurement.Batch{Project: "shop", Environment: "production", ReceivedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	for i := range n {
		x, err := measurement.ParseExposure(exposureText(i))
		if err != nil {
			t.Fatal(err)
		}
		m, err := measurement.ParseMeasurement(measurementText(i))
		if err != nil {
			t.Fatal(err)
		}
		b.Exposures, b.Measurements = append(b.Exposures, x), append(b.Measurements, m)
	}
	return b
}

// The parsing of a full batch: 1,000 items as they stand in the files of a real experiment.
func BenchmarkParse1000Exposures(b *testing.B) {
	bench(b, exposureText, func(text []byte) error { _, err := measurement.ParseExposure(text); return err })
}

func BenchmarkParse1000Measurements(b *testing.B) {
	bench(b, measurementText, func(text []byte) error { _, err := measurement.ParseMeasurement(text); return err })
}

func bench(b *testing.B, text func(int) []byte, parse func([]byte) error) {
	items, size := [][]byte{}, 0
	for i := range measurement.MaxItems {
		items = append(items, text(i))
		size += len(items[i])
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, item := range items {
			if err := parse(item); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkFingerprint1000(b *testing.B) {
	all := batch(b, 500)
	b.ReportAllocs()
	for b.Loop() {
		for i := range all.Exposures {
			all.Exposures[i].Fingerprint()
			all.Measurements[i].Fingerprint()
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{1, 500} {
		b.Run(fmt.Sprint(2*n), func(b *testing.B) {
			all := batch(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := measurement.Encode(all); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode1000(b *testing.B) {
	name, body, err := measurement.Encode(batch(b, 500))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := measurement.Decode(name, body); err != nil {
			b.Fatal(err)
		}
	}
}
