package bench

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
)

var (
	instMu sync.Mutex
	insts  = map[string]Instance{}
)

// ballast keeps the collector from cycling on a toy heap: a real server has
// more than 10 MB alive, and per-cycle fixed costs would punish allocation twice.
var ballast = make([]byte, 64<<20)

// load builds an engine once per process and dataset.
func load(tb testing.TB, p Peer, bulk bool) Instance {
	tb.Helper()
	instMu.Lock()
	defer instMu.Unlock()
	k := fmt.Sprint(p.Name, p.API, bulk)
	if in := insts[k]; in != nil {
		return in
	}
	d := Main
	if bulk {
		d = Bulk
	}
	in, err := p.New(d)
	if err != nil {
		tb.Fatalf("%s: %v", k, err)
	}
	insts[k] = in
	return in
}

// TestPeersAnswer checks that everybody answers the same questions correctly.
func TestPeersAnswer(t *testing.T) {
	_ = ballast[0]
	for _, p := range Peers() {
		t.Run(p.Name+"/"+p.API, func(t *testing.T) {
			if p.Name == "of-constant" {
				t.Skip("it answers a constant: it is there for what the SDK itself costs")
			}
			in := load(t, p, false)
			n := map[string]int{}
			for u := range Users {
				for _, f := range []string{"a_bool", "b_split", "c_rules", "d_segment"} {
					v := in.Bool(f, u)
					if v {
						n[f]++
					}
					if u < 64 && v != in.Fresh(f, &Users[u]) {
						t.Fatalf("%s: prebuilt and fresh context disagree", f)
					}
					if f == "d_segment" && v != (u%2 == 0) {
						t.Fatalf("segment: user %d got %v", u, v)
					}
				}
			}
			if n["a_bool"] != NUsers {
				t.Errorf("a_bool true for %d of %d", n["a_bool"], NUsers)
			}
			if n["b_split"] < 440 || n["b_split"] > 584 {
				t.Errorf("b_split true for %d of %d", n["b_split"], NUsers)
			}
			if n["c_rules"] < 66 || n["c_rules"] > 140 {
				t.Errorf("c_rules true for %d of %d", n["c_rules"], NUsers)
			}
			b := load(t, p, true)
			on := 0
			for _, f := range Bulk.Flags {
				if b.Bool(f.Key, 1) {
					on++
				}
			}
			if p.Name != "harness" && (on < 760 || on > 860) { // 700 + ~100 + ~10
				t.Errorf("bulk: %d of %d on", on, NBulk)
			}
			a, ok := b.(Bulker)
			if ok != p.Bulk {
				t.Errorf("Bulk is %v but the engine says %v", p.Bulk, ok)
			}
			if ok && a.All(1) != NBulk {
				t.Errorf("bulk call returned %d", a.All(1))
			}
		})
	}
}

// TestAssayAllocatesNothing: natively nothing at all, behind the SDK nothing beyond what the SDK does with a provider that
// answers without looking.
func TestAssayAllocatesNothing(t *testing.T) {
	work := func(in Instance) float64 {
		most := 0.0
		for _, f := range []string{"a_bool", "b_split", "c_rules", "d_segment"} {
			u := 0
			most = max(most, testing.AllocsPerRun(100, func() { u++; sink = in.Bool(f, u%NUsers) }))
		}
		return most
	}
	got := map[string]float64{}
	for _, p := range Peers() {
		if p.Name == "assay" || p.Name == "of-constant" {
			got[p.Name+" "+p.API] = work(load(t, p, false))
		}
	}
	if got["assay native"] != 0 || got["assay of"] > got["of-constant of-adapter"] {
		t.Errorf("allocations: %v", got)
	}
}

var (
	sink  bool
	sinkN int
)

// cpuNow is user+system CPU time of the process. On a shared machine CPU time
// per operation is steadier than wall time, and it includes the garbage collector.
func cpuNow() int64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return r.Utime.Nano() + r.Stime.Nano()
}

func measure(b *testing.B, f func(b *testing.B)) {
	b.ReportAllocs()
	b.ResetTimer()
	c := cpuNow()
	f(b)
	b.StopTimer()
	b.ReportMetric(float64(cpuNow()-c)/float64(b.N), "cpu-ns/op")
}

func bench(b *testing.B, work string, p Peer, bulk bool, f func(b *testing.B, in Instance)) {
	b.Run("work="+work+"/peer="+p.Name+"/api="+p.API, func(b *testing.B) {
		in := load(b, p, bulk)
		measure(b, func(b *testing.B) { f(b, in) })
	})
}

func BenchmarkEval(b *testing.B) {
	const m = NUsers - 1
	for _, w := range []struct{ work, flag string }{{"a_bool", "a_bool"}, {"b_split50", "b_split"}, {"c_5rules", "c_rules"}, {"d_segment10k", "d_segment"}} {
		for _, p := range Peers() {
			bench(b, w.work, p, false, func(b *testing.B, in Instance) {
				v := false
				for i := 0; i < b.N; i++ {
					v = in.Bool(w.flag, i&m)
				}
				sink = v
			})
		}
	}
	for _, p := range Peers() {
		bench(b, "b_split50_freshctx", p, false, func(b *testing.B, in Instance) {
			for i := 0; i < b.N; i++ {
				sink = in.Fresh("b_split", &Users[i&m])
			}
		})
		bench(b, "e_1000flags_loop", p, true, func(b *testing.B, in Instance) {
			for i := 0; i < b.N; i++ {
				for k := range Bulk.Flags {
					sink = in.Bool(Bulk.Flags[k].Key, i&m)
				}
			}
		})
		if p.Bulk {
			bench(b, "e_1000flags_bulkcall", p, true, func(b *testing.B, in Instance) {
				for i := 0; i < b.N; i++ {
					sinkN = in.(Bulker).All(i & m)
				}
			})
		}
		bench(b, "f_5rules_2goroutines", p, false, func(b *testing.B, in Instance) {
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					in.Bool("c_rules", i&m)
				}
			})
		})
	}
}
