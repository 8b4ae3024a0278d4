package stats_test

import (
	"bufio"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/assayhq/assay/stats"
)

// visit is a row of ab_data: who saw which page when, and whether they were to see it.
type visit struct {
	user, at, day      string
	treated, new, sold bool
}

func (v visit) mismatched() bool { return v.treated != v.new }

// lines reads a gzipped table whose fields hold no quotes, without its head.
func lines(t *testing.T, name string, each func(fields []string)) {
	t.Helper()
	f, err := os.Open(filepath.Join(sharedData(t), name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewScanner(z)
	r.Scan()
	for r.Scan() {
		each(strings.Split(strings.TrimSpace(r.Text()), ","))
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
}

func visits(t *testing.T) (all []visit, country map[string]string) {
	lines(t, "ab_data.csv.gz", func(f []string) {
		day, _, _ := strings.Cut(f[1], " ")
		all = append(all, visit{user: f[0], at: f[1], day: day, treated: f[2] == "treatment", new: f[3] == "new_page", sold: f[4] == "1"})
	})
	country = map[string]string{}
	lines(t, "ab_data_countries.csv.gz", func(f []string) { country[f[0]] = f[1] })
	return all, country
}

// armRates are the rates of both arms.
type armRates [2]stats.Proportion

func (a *armRates) count(v visit) {
	arm := &a[0]
	if v.treated {
		arm = &a[1]
	}
	arm.N++
	if v.sold {
		arm.X++
	}
}

// policy compares counts from rows, the sample ratio of them, and all that the file says of two rates.
func (c *checker) policy(at string, n node, a armRates) {
	c.t.Helper()
	rates := n.child("converted")
	if rates == nil {
		rates = n // a country's
	}
	for i, arm := range []string{"control", "treatment"} {
		c.near(at+" "+arm, rates.child(arm), "n", float64(a[i].N))
		c.near(at+" "+arm, rates.child(arm), "x", float64(a[i].X))
	}
	c.rates(at, rates, a[0], a[1])
	c.sampleRatio(at+" srm", n.child("srm"))
	for i, units := range n.child("srm")["observed"].([]any) {
		c.compare(at+" observed", float64(a[i].N), units.(float64))
	}
}

// TestPagesByEveryPolicy counts the rows of ab_data by all rules of assignment in the file, by country and by day, and compares every number
// that follows.
func TestPagesByEveryPolicy(t *testing.T) {
	c, file := &checker{t: t}, readNode(t, "ab_data.expected.json")
	all, country := visits(t)
	byUser := map[string][]visit{}
	for _, v := range all {
		byUser[v.user] = append(byUser[v.user], v)
	}
	c.facts(file, all, byUser, country)

	var clean, raw, apart, first, strict armRates
	var twice []string
	countries, days := map[string]*armRates{}, map[string]*armRates{}
	seen := map[string]bool{}
	for _, v := range all {
		raw.count(v)
		if v.mismatched() {
			continue
		}
		if seen[v.user] {
			twice = append(twice, v.user)
			continue
		}
		seen[v.user] = true // the first clean row of a user counts
		clean.count(v)
		for key, m := range map[string]map[string]*armRates{country[v.user]: countries, v.day: days} {
			if m[key] == nil {
				m[key] = &armRates{}
			}
			m[key].count(v)
		}
	}
	dropped, both := 0, 0
	for _, rows := range byUser {
		sold := slices.ContainsFunc(rows, func(v visit) bool { return v.sold })
		earliest := slices.MinFunc(rows, func(x, y visit) int { return strings.Compare(x.at, y.at) })
		first.count(visit{treated: earliest.treated, sold: sold})
		switch group := rows[0].treated; {
		case slices.ContainsFunc(rows, func(v visit) bool { return v.treated != group }):
			both++
		default:
			apart.count(visit{treated: group, sold: sold})
		}
		if slices.ContainsFunc(rows, visit.mismatched) {
			dropped++
		} else {
			strict.count(visit{treated: rows[0].treated, sold: rows[0].sold})
		}
	}
	a := file.child("policy_A_drop_mismatched_rows_then_first_row_per_user")
	c.policy("policy A", a, clean)
	for name := range a.child("by_country") {
		c.policy("policy A in "+name, a.child("by_country").child(name), *countries[name])
	}
	c.policy("policy B", file.child("policy_B_raw_rows_by_group"), raw)
	policyC := file.child("policy_C_by_group_column_exclude_users_in_both")
	c.policy("policy C", policyC, apart)
	c.near("policy C", policyC, "users_in_both_groups", float64(both))
	c.near("policy C", policyC, "share", float64(both)/float64(len(byUser)))
	c.policy("policy D", file.child("policy_D_first_exposure_wins_any_conversion"), first)
	policyE := file.child("policy_E_drop_every_user_with_a_mismatched_row")
	c.policy("policy E", policyE, strict)
	c.near("policy E", policyE, "users_dropped", float64(dropped))
	c.byDay(file, days)
	if want := file["duplicate_user_after_cleaning"].([]any); len(want) != 1 || !slices.Equal(twice, []string{strconv.FormatFloat(want[0].(float64), 'f', 0, 64)}) {
		t.Errorf("%v are there twice, want %v", twice, want)
	}
	if c.compared < 570 {
		t.Errorf("only %d numbers were compared", c.compared)
	}
	t.Logf("%d numbers compared", c.compared)
}

// facts are counts of the whole file.
func (c *checker) facts(file node, all []visit, byUser map[string][]visit, country map[string]string) {
	c.t.Helper()
	cross, countries := map[string]float64{}, map[string]float64{}
	mismatched, sold, several := 0.0, 0.0, 0.0
	for _, v := range all {
		name := map[bool]string{false: "control", true: "treatment"}[v.treated] + "/" + map[bool]string{false: "old_page", true: "new_page"}[v.new]
		cross[name]++
		if v.mismatched() {
			mismatched++
		}
		if v.sold {
			sold++
		}
	}
	for user, rows := range byUser {
		countries[country[user]]++
		if len(rows) > 1 {
			several++
		}
	}
	for name, n := range cross {
		c.near("rows", file.child("crosstab_rows"), name, n)
	}
	for name, n := range countries {
		c.near("countries", file.child("country_counts"), name, n)
	}
	c.near("file", file, "rows", float64(len(all)))
	c.near("file", file, "unique_users", float64(len(byUser)))
	c.near("file", file, "overall_rate_rows", sold/float64(len(all)))
	c.near("file", file, "mismatched_rows", mismatched)
	c.near("file", file, "users_with_more_than_one_row", several)
}

// byDay compares the running counts of each day and what was known by then, GrowthBook's sequential interval too.
func (c *checker) byDay(file node, days map[string]*armRates) {
	c.t.Helper()
	rho, err := stats.TunedRhoApproximate(5_000, 0.05)
	if err != nil {
		c.t.Fatal(err)
	}
	var running armRates
	list := file["cumulative_by_utc_date_policy_A"].([]any)
	for _, entry := range list {
		n := node(entry.(map[string]any))
		at := n["day"].(string)
		for i := range running {
			running[i].N, running[i].X = running[i].N+days[at][i].N, running[i].X+days[at][i].X
		}
		for key, got := range map[string]int64{"nc": running[0].N, "xc": running[0].X, "nt": running[1].N, "xt": running[1].X} {
			c.near(at, n, key, float64(got))
		}
		c.day(at, n)
		sampleA, _ := running[0].Sample()
		sampleB, _ := running[1].Sample()
		lift, err := stats.RelativeLift(sampleA, sampleB, 0.05)
		if err != nil {
			c.t.Fatal(err)
		}
		rule, err := stats.ConfidenceSequence(float64(running[0].N+running[1].N), rho, 0.05)
		if err != nil {
			c.t.Fatal(err)
		}
		half := rule.Critical * lift.SE
		peer := n.child("gbstats_sequential_relative")
		c.within(at, peer, "ci95", lift.Value-half, lift.Value+half, 1e-8)
		if want := number(peer, "p"); math.Abs(rule.P(lift.Value/lift.SE)-want) > 1e-8 {
			c.t.Errorf("%s: sequential p %v, want %v", at, rule.P(lift.Value/lift.SE), want)
		}
	}
	c.near("file", file, "duration_days", float64(len(days)))
}
