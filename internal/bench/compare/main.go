// Command compare asks every engine the same questions, checks that the answers are right, times them beside each other in one
// run, and prints the table. One process per engine, way into it and pass, so that none lives in another's heap; the passes are
// interleaved, so that a busy machine hurts everybody alike. Read the ratios; the absolute times belong to the machine.
//
// The times are processor time per decision, garbage collection included, the median of the passes. On a shared machine it is
// steadier than time on the clock.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/bench"
)

func main() {
	passes := flag.Int("passes", 5, "how often everybody is timed")
	each := flag.String("time", "100ms", "how long each benchmark runs in a pass")
	peers := flag.String("peers", ".", "regular expression of the engines to time")
	flag.Parse()
	if err := run(context.Background(), *passes, *each, *peers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, passes int, each, peers string) error {
	wanted, err := regexp.Compile(peers)
	if err != nil {
		return fmt.Errorf("-peers: %w", err)
	}
	folder, err := os.MkdirTemp("", "bench-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	binary := filepath.Join(folder, "bench.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("building the benchmarks: %w\n%s", err, out)
	}
	fmt.Fprintln(os.Stderr, "checking that everybody answers right")
	if out, err := exec.CommandContext(ctx, binary, "-test.run", "Answer|Allocates").CombinedOutput(); err != nil {
		return fmt.Errorf("somebody answers wrong, so nobody is timed: %w\n%s", err, out)
	}
	found := results{}
	for pass := range passes {
		fmt.Fprintf(os.Stderr, "pass %d of %d\n", pass+1, passes)
		for _, w := range ways(wanted) {
			out, err := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", "Eval//peer="+w.peer+"$/api="+w.way+"$", "-test.benchtime", each).Output()
			if err != nil {
				return fmt.Errorf("timing %s: %w\n%s", w.peer, err, out)
			}
			found.read(out)
		}
	}
	found.print()
	return nil
}

// ways lists the engines and the ways into each, the ones without which there is no comparison first.
func ways(wanted *regexp.Regexp) (out []key) {
	always := []string{"floor", "of-constant", "assay"}
	for _, p := range bench.Peers() {
		if slices.Contains(always, p.Name) || wanted.MatchString(p.Name) {
			out = append(out, key{peer: p.Name, way: p.API})
		}
	}
	slices.SortStableFunc(out, func(a, b key) int { return cmp.Compare(rank(always, a.peer), rank(always, b.peer)) })
	return out
}

func rank(first []string, name string) int {
	if i := slices.Index(first, name); i >= 0 {
		return i
	}
	return len(first)
}

// run of a benchmark: of one engine, through one way in, at one workload.
type key struct{ work, peer, way string }

type results map[key]*times

type times struct {
	nanoseconds []float64
	allocations string
}

// line is a line of a benchmark's output; names with parts such as work=a_bool/peer=floor/api=native.
var line = regexp.MustCompile(`^BenchmarkEval/work=([^/]+)/peer=([^/]+)/api=(\S+?)-\d+\s`)

func (r results) read(output []byte) {
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		at := line.FindStringSubmatch(lines.Text())
		if at == nil {
			continue
		}
		way, _, _ := strings.Cut(at[3], "-") // a thin adapter is a way through the SDK, too
		k := key{at[1], at[2], way}
		if r[k] == nil {
			r[k] = &times{}
		}
		fields := strings.Fields(lines.Text())
		for i, unit := range fields {
			switch unit {
			case "cpu-ns/op":
				if n, err := strconv.ParseFloat(fields[i-1], 64); err == nil {
					r[k].nanoseconds = append(r[k].nanoseconds, n)
				}
			case "allocs/op":
				r[k].allocations = fields[i-1]
			}
		}
	}
}

func (t *times) median() float64 {
	sorted := slices.Sorted(slices.Values(t.nanoseconds))
	return sorted[len(sorted)/2]
}

func (t *times) String() string {
	n, unit := t.median(), "ns"
	switch {
	case n >= 1e6:
		n, unit = n/1e6, "ms"
	case n >= 1e4:
		n, unit = n/1e3, "µs"
	}
	return fmt.Sprintf("%s %s/%s", number(n), unit, t.allocations)
}

func number(n float64) string {
	if n < 100 && n != float64(int(n)) {
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	return strconv.FormatFloat(n, 'f', 0, 64)
}

// titles of the workloads.
var titles = map[string]string{
	"a_bool": "boolean flag, no rules", "b_split50": "50/50 split", "b_split50_freshctx": "50/50 split, a fresh context each time",
	"c_5rules": "5 rules of 3 conditions, the last matches, then 10/90", "d_segment10k": "member of a segment of 10,000",
	"e_1000flags_loop": "1,000 flags for one user, one by one", "e_1000flags_bulkcall": "1,000 flags for one user, in one call",
	"f_5rules_2goroutines": "5 rules, 2 goroutines",
}

func (r results) print() {
	fmt.Println("time per decision / allocations; in brackets how many times assay's time that is")
	fmt.Println()
	fmt.Println("| natively | assay | floor | fastest peer | the other peers |")
	fmt.Println("|---|---|---|---|---|")
	r.rows("native", "floor")
	fmt.Println()
	fmt.Println("| through the OpenFeature SDK | assay | constant provider | fastest peer | the other peers |")
	fmt.Println("|---|---|---|---|---|")
	r.rows("of", "of-constant")
}

// rows prints a row per workload: assay, the base that nobody can beat, and the peers from the fastest to the slowest.
func (r results) rows(way, base string) {
	for _, work := range slices.Sorted(maps.Keys(titles)) {
		ours := r[key{work, "assay", way}]
		if ours == nil {
			continue
		}
		bottom := "-"
		var peers []key
		for k, t := range r {
			switch {
			case k.work != work || k.way != way || len(t.nanoseconds) == 0:
			case k.peer == base:
				bottom = r.cell(k, ours, "")
			case k.peer != "assay" && k.peer != "floor" && k.peer != "of-constant":
				peers = append(peers, k)
			}
		}
		slices.SortFunc(peers, func(a, b key) int { return int(r[a].median() - r[b].median()) })
		cells := []string{"-"}
		for i, k := range peers {
			if i == 0 {
				cells[0] = r.cell(k, ours, k.peer)
			} else {
				cells = append(cells, r.cell(k, ours, k.peer))
			}
		}
		fmt.Printf("| %s | **%s** | %s | %s | %s |\n", titles[work], ours, bottom, cells[0], strings.Join(cells[1:], ", "))
	}
}

func (r results) cell(k key, ours *times, name string) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s (%s)", name, r[k], ratio(r[k].median()/ours.median())))
}

func ratio(of float64) string {
	if of < 10 {
		return strconv.FormatFloat(of, 'f', 2, 64)
	}
	return strconv.FormatFloat(of, 'f', 0, 64)
}
