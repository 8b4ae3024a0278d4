package bench

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
)

// TestOFPairs times our provider and the one that answers a constant in turns, a few hundred evaluations each, so that a busy
// machine and the collector hurt both alike, and prints the medians. It takes as many turns as ASSAY_PAIRS says and is not
// run without; ASSAY_WORK names the only workload to time.
func TestOFPairs(t *testing.T) {
	turns, _ := strconv.Atoi(os.Getenv("ASSAY_PAIRS"))
	if turns == 0 {
		t.Skip("set ASSAY_PAIRS to a number of turns, such as 400")
	}
	_ = ballast[0]
	var ours, constant, floor Peer
	for _, p := range Peers() {
		switch p.Name + "/" + p.API {
		case "assay/of":
			ours = p
		case "of-constant/of-adapter":
			constant = p
		case "floor/of-adapter":
			floor = p
		}
	}
	peers := []Peer{constant, ours, floor}
	for _, w := range ofWorkloads {
		if only := os.Getenv("ASSAY_WORK"); only != "" && only != w.name {
			continue
		}
		var times [3][]float64
		for range turns {
			for i, p := range peers {
				in := load(t, p, w.bulk)
				at := cpuNow()
				n := w.run(in)
				times[i] = append(times[i], float64(cpuNow()-at)/float64(n))
			}
		}
		var mid [3]float64
		for i := range times {
			slices.Sort(times[i])
			mid[i] = times[i][len(times[i])/2]
		}
		fmt.Printf("%-28s constant %6.0f  assay %6.0f (%.3f, +%.0f ns)  floor %6.0f (%.3f, +%.0f ns)\n", w.name, mid[0], mid[1], mid[1]/mid[0], mid[1]-mid[0], mid[2], mid[2]/mid[0], mid[2]-mid[0])
	}
}

const turnOf = 2_000

var ofWorkloads = []struct {
	name string
	bulk bool
	run  func(Instance) int
}{
	{"boolean", false, one("a_bool")},
	{"split", false, one("b_split")},
	{"split, fresh context", false, func(in Instance) int {
		for i := range turnOf {
			sink = in.Fresh("b_split", &Users[i&(NUsers-1)])
		}
		return turnOf
	}},
	{"5 rules", false, one("c_rules")},
	{"segment", false, one("d_segment")},
	{"1,000 flags one by one", true, func(in Instance) int {
		for i := range 2 {
			for k := range Bulk.Flags {
				sink = in.Bool(Bulk.Flags[k].Key, i)
			}
		}
		return 2 * NBulk
	}},
	{"5 rules, 2 goroutines", false, func(in Instance) int {
		done := make(chan bool)
		for range 2 {
			go func() { done <- one("c_rules")(in) > 0 }()
		}
		<-done
		<-done
		return 2 * turnOf
	}},
}

func one(flag string) func(Instance) int {
	return func(in Instance) int {
		for i := range turnOf {
			sink = in.Bool(flag, i&(NUsers-1))
		}
		return turnOf
	}
}
