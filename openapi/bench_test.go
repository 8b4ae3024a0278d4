package openapi_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
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

// BenchmarkIngestUnits is the same for a project that keeps unit ids as they are and for one that hashes them: what the hash costs when ids are
// random ones and when they are short serial ones, which compress well as they are. The two take turns, and the ratio is the
// median of neighbouring turns, because other work of the machine weighs on both.
func BenchmarkIngestUnits(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	next := 0
	for name, unit := range map[string]func() string{
		"random":              func() string { return fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64()) },
		"serial":              func() string { next++; return fmt.Sprintf("user-%d", next) },
		"serial-4-items-each": func() string { next++; return fmt.Sprintf("user-%d", next/4) },
	} {
		b.Run("ids="+name, func(b *testing.B) { benchmarkUnits(b, random, unit) })
	}
}

func benchmarkUnits(b *testing.B, random *rand.Rand, unit func() string) {
	w := newShop(b)
	const open = "/api/v1/projects/open"
	w.must("POST", "/api/v1/projects", `{"key":"open","environments":[{"key":"production"}],"unit_ids":"raw"}`)
	w.must("POST", open+"/flags", `{"key":"banner","type":"boolean"}`)
	w.must("POST", open+"/metrics", `{"key":"conversion","kind":"binary","event":"purchase","direction":"increase"}`)
	w.must("POST", open+"/experiments", strings.Replace(experimentBody, `,"secondary":["revenue"]`, "", 1))
	var ratios []float64
	items := 0.0
	total := map[string]time.Duration{}
	for b.Loop() {
		batch := make([]string, 1000)
		for i := range batch {
			batch[i] = fmt.Sprintf(`{"event_id":"%016x","experiment_key":"trial","variant":"on","unit_id":%q,"occurred_at":"2026-11-24T09:00:00Z"}`, random.Uint64(), unit())
		}
		body := `{"items":[` + strings.Join(batch, ",") + `]}`
		items += float64(len(batch))
		order, took := []string{"shop", "open"}, map[string]time.Duration{}
		if len(ratios)%2 == 1 {
			slices.Reverse(order)
		}
		for _, in := range order {
			w.catchUp() // folding is not what is measured
			r := call{method: "POST", path: "/api/v1/exposures?project=" + in + "&environment=production", key: w.admin, body: body}.request()
			start := time.Now()
			answer := serve(w, r)
			took[in] = time.Since(start)
			total[in] += took[in]
			if answer.Code != 202 || !strings.Contains(answer.Body.String(), `"accepted":1000`) {
				b.Fatal(answer.Code, answer.Body)
			}
		}
		ratios = append(ratios, float64(took["shop"])/float64(took["open"]))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "hashed/raw")
	b.ReportMetric(items/total["shop"].Seconds(), "hashed-items/s")
	b.ReportMetric(items/total["open"].Seconds(), "raw-items/s")
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
