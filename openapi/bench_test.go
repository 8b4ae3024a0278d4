package openapi_test

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkIngest sends batches of 1,000 new exposures through the whole handler to a log in memory.
func BenchmarkIngest(b *testing.B) {
	w := newShop(b)
	batch := func(n int) string {
		items := make([]string, 1000)
		for i := range items {
			items[i] = exposureOf(n*1000 + i)
		}
		return `{"items":[` + strings.Join(items, ",") + `]}`
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(batch(0))))
	n := 0
	for b.Loop() {
		b.StopTimer()
		r := call{method: "POST", path: "/api/v1/exposures", key: w.server, body: batch(n)}.request()
		b.StartTimer()
		if answer := serve(w, r); answer.Code != 202 || !strings.Contains(answer.Body.String(), `"accepted":1000`) {
			b.Fatal(answer.Code, answer.Body)
		}
		n++
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "items/s")
}

func BenchmarkEvaluateOne(b *testing.B) {
	w := newShop(b)
	b.ReportAllocs()
	for b.Loop() {
		r := call{method: "POST", path: evaluate + "/banner", key: w.client, body: `{"context":{"targetingKey":"user-1","country":"DE","plan":"pro"}}`}.request()
		if answer := serve(w, r); answer.Code != 200 {
			b.Fatal(answer.Code, answer.Body)
		}
	}
}

func BenchmarkEvaluateAll(b *testing.B) {
	for _, flags := range []int{10, 100} {
		b.Run(fmt.Sprintf("flags=%d", flags), func(b *testing.B) {
			w := newShop(b)
			for i := range flags - 1 {
				w.must("POST", shop+"/flags", fmt.Sprintf(`{"key":"flag-%d","type":"boolean"}`, i))
			}
			for b.Loop() {
				r := call{method: "POST", path: evaluate, key: w.client, body: `{"context":{"targetingKey":"user-1","country":"DE"}}`}.request()
				if answer := serve(w, r); answer.Code != 200 {
					b.Fatal(answer.Code, answer.Body)
				}
			}
		})
	}
}

// BenchmarkChangeFlag switches one of 500 flags and waits until the change is served.
func BenchmarkChangeFlag(b *testing.B) {
	w := newShop(b)
	const flags = 500
	for i := range flags {
		w.must("POST", shop+"/flags", fmt.Sprintf(`{"key":"flag-%d","type":"boolean"}`, i))
	}
	n := 0
	for b.Loop() {
		n++
		path := fmt.Sprintf("%s/flags/flag-%d/environments/production", shop, n%flags)
		r := call{method: "PATCH", path: path, key: w.admin, body: fmt.Sprintf(`{"on":%v}`, n/flags%2 == 0)}.request()
		if answer := serve(w, r); answer.Code != 200 {
			b.Fatal(answer.Code, answer.Body)
		}
	}
}
