package facts_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections/facts"
)

var day0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string, seal int) *facts.Store {
	t.Helper()
	s, err := facts.Open(dir, facts.Options{SealRows: seal, Report: func(err error) { t.Log(err) }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func recorded(t testing.TB, at int, b measurement.Batch) eventlog.Recorded {
	t.Helper()
	b.Project, b.Environment, b.ReceivedAt = "shop", "production", day0
	name, body, err := measurement.Encode(b)
	if at%3 == 0 { // logs hold what earlier versions wrote
		name, body, err = measurement.WireBatchRecorded, encodeV1(t, b), nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return eventlog.Recorded{
		Event:  eventlog.Event{ID: eventlog.NewID(fmt.Sprint(at), 0), Type: name, Data: body},
		Stream: "measurement-shop.production.2026-03-01", Position: eventlog.Position(at),
	}
}

// encodeV1 is how batches were written first: gzipped JSON.
func encodeV1(t testing.TB, b measurement.Batch) []byte {
	t.Helper()
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	if err := errors.Join(json.NewEncoder(packed).Encode(b), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var query = facts.Query{
	Project: "shop", Environment: "production", Experiment: "e", UnitType: "user", Arms: []domain.VariantKey{"a", "b"},
	Metrics: []facts.Metric{
		{Event: "buy", Kind: facts.Any},
		{Event: "buy", Kind: facts.Count, Window: 10 * time.Hour},
		{Event: "buy", Kind: facts.Sum},
		{Event: "buy", Kind: facts.Sum, Before: 5 * time.Hour},
		{Event: "buy", Kind: facts.Count, From: 5 * time.Hour, Window: 5 * time.Hour},
		{Event: "buy", Kind: facts.Each, Window: 10 * time.Hour},
		{Event: "buy", Kind: facts.Last},
	},
	Dimensions: []string{"plan", "nothing"},
}

// item is a drawn fact; an exposure when variant is set.
type item struct {
	id, unit, variant, plan string
	hour                    int
	value                   float64
}

func batchOf(items []item) measurement.Batch {
	var b measurement.Batch
	for _, i := range items {
		at := day0.Add(time.Duration(i.hour) * time.Hour)
		if i.variant != "" {
			b.Exposures = append(b.Exposures, measurement.Exposure{EventID: i.id, Experiment: "e", Variant: domain.VariantKey(i.variant), UnitType: "user", Unit: i.unit, OccurredAt: at, Attributes: attributesOf(i.plan)})
		} else {
			b.Measurements = append(b.Measurements, measurement.Measurement{EventID: i.id, Event: "buy", UnitType: "user", Unit: i.unit, OccurredAt: at, Value: i.value})
		}
	}
	return b
}

// naive is the oracle: the rules of the package comment, written down the slow way over all items in log order.
func naive(log [][]item, upTo int, keepFirst bool) map[string]any {
	ids := map[string]bool{}
	first, variants, plans, at := map[string]int{}, map[string]map[string]bool{}, map[string]string{}, map[string]string{}
	var measured []item
	for n, batch := range log {
		// A batch holds its exposures before its measurements.
		batch = slices.Clone(batch)
		slices.SortStableFunc(batch, func(a, b item) int { return boolInt(a.variant == "") - boolInt(b.variant == "") })
		for _, i := range batch {
			if n+1 > upTo || ids[i.id] {
				continue
			}
			ids[i.id] = true
			if i.variant == "" {
				measured = append(measured, i)
				continue
			}
			if variants[i.unit] == nil {
				variants[i.unit], first[i.unit] = map[string]bool{}, i.hour
			}
			if len(variants[i.unit]) == 0 || i.hour < first[i.unit] || i.hour == first[i.unit] && i.plan < plans[i.unit] {
				plans[i.unit] = i.plan // what the first exposure said
			}
			if len(variants[i.unit]) == 0 || i.hour < first[i.unit] || i.hour == first[i.unit] && i.variant < at[i.unit] {
				at[i.unit] = i.variant // the arms are in the order of the alphabet
			}
			variants[i.unit][i.variant] = true
			first[i.unit] = min(first[i.unit], i.hour)
		}
	}
	crossovers, unknown := int64(0), int64(0)
	rows := map[string]int{} // "arm values" -> how many units
	strays := map[string]bool{}
	for _, m := range measured {
		if variants[m.unit] == nil {
			strays[m.unit] = true
		}
	}
	for unit, seen := range variants {
		arm := slices.Collect(maps.Keys(seen))[0]
		if len(seen) > 1 {
			crossovers++
			if arm = at[unit]; !keepFirst {
				continue
			}
		}
		switch {
		case arm != "a" && arm != "b":
			unknown++
			continue
		}
		anyBuy, count, sum, before, later, last, lastAt := 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1
		var each []float64
		for _, m := range measured {
			after := m.hour - first[unit]
			if m.unit != unit || after < -5 {
				continue
			}
			if after < 0 {
				before += m.value
				continue
			}
			anyBuy, sum = 1, sum+m.value
			if after < 10 {
				count++
				each = append(each, m.value)
			}
			if after >= 5 && after < 10 {
				later++
			}
			if m.hour > lastAt || m.hour == lastAt && m.value > last {
				last, lastAt = m.value, m.hour
			}
		}
		slices.Sort(each)
		rows[fmt.Sprintln(arm, anyBuy, count, sum, before, later, each, last, lastAt >= 0, plans[unit])]++
	}
	return map[string]any{"rows": rows, "crossovers": crossovers, "unknown": unknown, "strays": int64(len(strays))}
}

func attributesOf(plan string) map[string]json.RawMessage {
	if plan == "" {
		return nil
	}
	return map[string]json.RawMessage{"plan": json.RawMessage(strconv.Quote(plan))}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func summary(u *facts.Units) map[string]any {
	rows := map[string]int{}
	for i, arm := range u.Arm {
		var each []float64
		for j, row := range u.Each[5].Row {
			if int(row) == i {
				each = append(each, u.Each[5].Value[j])
			}
		}
		plan := u.Dimensions[0].Values[u.Dimensions[0].Of[i]] + u.Dimensions[1].Values[u.Dimensions[1].Of[i]]
		rows[fmt.Sprintln(query.Arms[arm], u.Values[0][i], u.Values[1][i], u.Values[2][i], u.Values[3][i], u.Values[4][i], each, u.Values[6][i], u.Given[6][i], plan)]++
	}
	return map[string]any{"rows": rows, "crossovers": u.Crossovers, "unknown": u.UnknownVariant, "strays": u.WithoutExposure[0]}
}

func drawLog(r *rapid.T) [][]item {
	one := rapid.Custom(func(r *rapid.T) item {
		i := item{
			id:   fmt.Sprint(rapid.IntRange(0, 400).Draw(r, "id")),
			unit: fmt.Sprint(rapid.IntRange(0, 30).Draw(r, "unit")), hour: rapid.IntRange(0, 30).Draw(r, "hour"),
			value: float64(rapid.IntRange(-5, 50).Draw(r, "value")),
		}
		if rapid.Bool().Draw(r, "exposure") {
			i.plan = rapid.SampledFrom([]string{"", "free", "paid"}).Draw(r, "plan")
			i.variant = rapid.SampledFrom([]string{"a", "a", "a", "a", "b", "b", "b", "b", "c"}).Draw(r, "variant")
			i.variant = map[bool]string{true: i.variant, false: []string{"a", "b"}[len(i.unit)%2]}[rapid.IntRange(0, 9).Draw(r, "cross") == 0]
		}
		return i
	})
	return rapid.SliceOfN(rapid.SliceOfN(one, 1, 12), 1, 25).Draw(r, "log")
}

// Live, rebuilt, rebuilt from half and rest, sealed anywhere, applied twice: always the table of the oracle, at any position.
func TestTheTableIsThatOfTheOracleHoweverItCameAbout(t *testing.T) {
	root := t.TempDir()
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		dir := filepath.Join(root, fmt.Sprint(run))
		log := drawLog(r)
		seal := rapid.IntRange(1, 60).Draw(r, "seal")
		s := open(t, dir, seal)
		for i, items := range log {
			if rapid.IntRange(0, 7).Draw(r, "restart") == 0 {
				if rapid.Bool().Draw(r, "cleanly") {
					if err := s.Close(); err != nil {
						r.Fatal(err)
					}
				}
				s = open(t, dir, seal)
			}
			var batch []eventlog.Recorded
			from := 0 // an overlapping delivery begins anywhere before
			if rapid.Bool().Draw(r, "resume exactly") {
				from = int(s.Position())
			}
			for j := from; j <= i; j++ {
				batch = append(batch, recorded(t, j+1, batchOf(log[j])))
			}
			_ = items
			if err := s.Apply(t.Context(), batch); err != nil {
				r.Fatal(err)
			}
		}
		for _, at := range []int{len(log), rapid.IntRange(1, len(log)).Draw(r, "as of")} {
			q := query
			q.At, q.KeepFirst = eventlog.Position(at), rapid.Bool().Draw(r, "keep first")
			u, err := s.Units(t.Context(), q)
			if err != nil {
				r.Fatal(err)
			}
			if got, want := summary(u), naive(log, at, q.KeepFirst); !reflect.DeepEqual(got, want) {
				r.Fatalf("as of %d: got %v, want %v", at, got, want)
			}
		}
		s.Close()
	})
}

// The same rows in another order of arrival give the same table to the bit; sums of cents in another order would not.
func TestTheOrderOfArrivalChangesNoBit(t *testing.T) {
	var items []item
	for i := range 500 {
		unit := fmt.Sprint(i % 40)
		items = append(items, item{id: fmt.Sprint("x", i), unit: unit, variant: []string{"a", "b"}[i%2], hour: i % 7},
			item{id: fmt.Sprint("m", i), unit: unit, hour: 8 + i%5, value: float64(i*i%997) / 100})
	}
	tables := make([]*facts.Units, 2)
	for k := range tables {
		s := open(t, t.TempDir(), 100)
		for i := range 10 {
			part := items[i*100 : (i+1)*100]
			if err := s.Apply(t.Context(), []eventlog.Recorded{recorded(t, i+1, batchOf(part))}); err != nil {
				t.Fatal(err)
			}
		}
		u, err := s.Units(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		tables[k] = u
		slices.Reverse(items)
	}
	if !reflect.DeepEqual(tables[0], tables[1]) || len(tables[0].Arm) != 40 {
		t.Errorf("%d and %d units, and they differ", len(tables[0].Arm), len(tables[1].Arm))
	}
}

func TestAnIdIsNewOrADuplicateOrAConflict(t *testing.T) {
	for _, seal := range []int{1, 1_000_000} {
		s := open(t, t.TempDir(), seal)
		b := batchOf([]item{{id: "one", unit: "u", variant: "a"}})
		if err := s.Apply(t.Context(), []eventlog.Recorded{recorded(t, 1, b)}); err != nil {
			t.Fatal(err)
		}
		same, other := b.Exposures[0].Fingerprint(), b.Exposures[0].Fingerprint()+1
		for _, c := range []struct {
			project     domain.ProjectKey
			id          string
			fingerprint uint64
			want        facts.Status
		}{{"shop", "one", same, facts.Duplicate}, {"shop", "one", other, facts.Conflict}, {"shop", "two", same, facts.New}, {"else", "one", same, facts.New}} {
			if got, err := s.Status(c.project, c.id, c.fingerprint); got != c.want || err != nil {
				t.Errorf("seal %d, %s %s: %v, %v, want %v", seal, c.project, c.id, got, err, c.want)
			}
		}
	}
}

// Whatever is damaged on disk, nothing wrong is served: the store starts from the log again.
func TestADamagedFolderIsMadeAgainFromTheLog(t *testing.T) {
	damages := map[string]func(name string) error{
		"cut":      func(name string) error { return os.Truncate(name, 10) },
		"missing":  os.Remove,
		"nonsense": func(name string) error { return os.WriteFile(name, []byte("{"), 0o600) },
	}
	for how, damage := range damages {
		for _, file := range []string{"manifest.json", "000001.exposures.parquet", "000001.measurements.parquet", "000001.ids"} {
			t.Run(how+" "+file, func(t *testing.T) {
				dir := t.TempDir()
				s := open(t, dir, 1)
				batch := []eventlog.Recorded{recorded(t, 1, batchOf([]item{{id: "1", unit: "u", variant: "a"}, {id: "2", unit: "u", hour: 1, value: 3}}))}
				if err := s.Apply(t.Context(), batch); err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if err := damage(filepath.Join(dir, "v2", file)); err != nil {
					t.Fatal(err)
				}
				s = open(t, dir, 1)
				if s.Position() != 0 {
					t.Fatalf("it goes on at %d", s.Position())
				}
				if err := s.Apply(t.Context(), batch); err != nil {
					t.Fatal(err)
				}
				u, err := s.Units(t.Context(), query)
				if err != nil || len(u.Arm) != 1 || u.Values[2][0] != 3 {
					t.Fatalf("%+v, %v", u, err)
				}
			})
		}
	}
}

func TestABatchThatCannotBeReadIsParkedAndTheOthersGoOn(t *testing.T) {
	s := open(t, t.TempDir(), 1)
	bad := recorded(t, 1, batchOf([]item{{id: "0", unit: "u", variant: "a"}}))
	bad.Data = bad.Data[:10]
	good := recorded(t, 2, batchOf([]item{{id: "1", unit: "u", variant: "a"}}))
	if err := s.Apply(t.Context(), []eventlog.Recorded{bad, good, {Position: 7}}); err != nil {
		t.Fatal(err)
	}
	if p := s.Parked(); len(p) != 1 || p[0].Position != 1 || s.Position() != 7 {
		t.Errorf("parked %v, position %d", p, s.Position())
	}
	if u, err := s.Units(t.Context(), query); err != nil || len(u.Arm) != 1 {
		t.Errorf("%+v, %v", u, err)
	}
}

// The counts are those of cookie_cats.expected.json, computed by pandas from the published file.
func TestRealFactsGiveTheCountsOfTheReference(t *testing.T) {
	const root = "../../../shared/data"
	if _, err := os.Stat(root); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the reference data are missing: ", err)
		}
		t.Skip("the reference data are not beside the checkout")
	}
	var want struct {
		Rounds map[string]json.RawMessage `json:"sum_gamerounds"`
		R7     map[string]json.RawMessage `json:"retention_7"`
	}
	text, err := os.ReadFile(root + "/cookie_cats.expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	s := open(t, t.TempDir(), 100_000)
	at := 0
	load(t, root+"/events/cookie_cats.exposures.jsonl.gz", func(lines [][]byte) {
		var b measurement.Batch
		for _, l := range lines {
			x, err := measurement.ParseExposure(l)
			if err != nil {
				t.Fatal(err)
			}
			b.Exposures = append(b.Exposures, x)
		}
		at++
		if err := s.Apply(t.Context(), []eventlog.Recorded{recorded(t, at, b)}); err != nil {
			t.Fatal(err)
		}
	})
	load(t, root+"/events/cookie_cats.measurements.jsonl.gz", func(lines [][]byte) {
		var b measurement.Batch
		for _, l := range lines {
			m, err := measurement.ParseMeasurement(l)
			if err != nil {
				t.Fatal(err)
			}
			b.Measurements = append(b.Measurements, m)
		}
		at++
		if err := s.Apply(t.Context(), []eventlog.Recorded{recorded(t, at, b)}); err != nil {
			t.Fatal(err)
		}
	})
	u, err := s.Units(t.Context(), facts.Query{
		Project: "shop", Environment: "production", Experiment: "cookie-cats-gate", UnitType: "user", Arms: []domain.VariantKey{"gate_30", "gate_40"},
		Metrics: []facts.Metric{{Event: "return_day_7", Kind: facts.Any}, {Event: "game_rounds", Kind: facts.Sum}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for arm, name := range []string{"control", "treatment"} {
		n, x, sum, squares := 0.0, 0.0, 0.0, 0.0
		for i, a := range u.Arm {
			if int(a) == arm {
				n, x, sum, squares = n+1, x+u.Values[0][i], sum+u.Values[1][i], squares+u.Values[1][i]*u.Values[1][i]
			}
		}
		var r7, rounds struct {
			N          float64 `json:"n"`
			X          float64 `json:"x"`
			Sum        float64 `json:"sum"`
			SumSquares float64 `json:"sum_squares"`
		}
		if err := json.Unmarshal(want.R7[name], &r7); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(want.Rounds[name], &rounds); err != nil {
			t.Fatal(err)
		}
		if n != r7.N || x != r7.X || sum != rounds.Sum || math.Abs(squares-rounds.SumSquares) > 0.5 {
			t.Errorf("%s: n %v x %v sum %v squares %v, want %+v %+v", name, n, x, sum, squares, r7, rounds)
		}
	}
	if !u.AssumedTimes || u.Crossovers != 0 {
		t.Errorf("assumed %v, crossovers %d", u.AssumedTimes, u.Crossovers)
	}
}

func load(t testing.TB, name string, each func(lines [][]byte)) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(unzipped)
	var lines [][]byte
	for scanner.Scan() {
		lines = append(lines, slices.Clone(scanner.Bytes()))
		if len(lines) == 1_000 {
			each(lines)
			lines = nil
		}
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	if len(lines) > 0 {
		each(lines)
	}
}

// manyBatches are n exposures of n units and 2n measurements.
func manyBatches(b *testing.B, n int) []eventlog.Recorded {
	var all []eventlog.Recorded
	for i := 0; i < n; i += 500 {
		var exposures, measured []item
		for j := i; j < i+500; j++ {
			unit := fmt.Sprint("user-", j)
			exposures = append(exposures, item{id: fmt.Sprint("x", j), unit: unit, variant: []string{"a", "b"}[j%2], hour: 1})
			measured = append(measured, item{id: fmt.Sprint("m", j), unit: unit, hour: 2, value: 1.5}, item{id: fmt.Sprint("n", j), unit: unit, hour: 3, value: 2})
		}
		all = append(all, recorded(b, len(all)+1, batchOf(exposures)), recorded(b, len(all)+2, batchOf(measured)))
	}
	return all
}

func BenchmarkApply(b *testing.B) {
	batches := manyBatches(b, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		s := open(b, b.TempDir(), 0)
		for _, r := range batches {
			if err := s.Apply(b.Context(), []eventlog.Recorded{r}); err != nil {
				b.Fatal(err)
			}
		}
		s.Close()
	}
	b.ReportMetric(300_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkUnits(b *testing.B) {
	s := open(b, b.TempDir(), 0)
	if err := s.Apply(b.Context(), manyBatches(b, 200_000)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	q := query
	q.Metrics = slices.Clone(query.Metrics[:3])
	q.Dimensions = nil
	for b.Loop() {
		q.Metrics[2].Window-- // another question each time, so that no table is handed out again
		if u, err := s.Units(b.Context(), q); err != nil || len(u.Arm) != 200_000 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(600_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// A table that was asked for lately is handed out again; one that is too large, or was not asked for in a long time, is made anew.
func TestTablesAreHandedOutAgain(t *testing.T) {
	s := open(t, t.TempDir(), 0)
	if err := s.Apply(t.Context(), []eventlog.Recorded{recorded(t, 1, batchOf([]item{{id: "1", unit: "u", variant: "a"}}))}); err != nil {
		t.Fatal(err)
	}
	ask := func(q facts.Query) *facts.Units {
		u, err := s.Units(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	at := query
	at.At = 1
	first := ask(at)
	if ask(at) != first || ask(query) != first {
		t.Error("the same question at the same position got another table")
	}
	// Names with spaces and brackets do not make two questions look alike.
	odd := at
	odd.Arms = []domain.VariantKey{`a", "b`}
	if ask(odd) == first || len(ask(odd).Arm) != 0 {
		t.Error("another question got the same table")
	}
	if err := s.Apply(t.Context(), []eventlog.Recorded{recorded(t, 2, batchOf([]item{{id: "2", unit: "v", variant: "b"}}))}); err != nil {
		t.Fatal(err)
	}
	if u := ask(query); len(u.Arm) != 2 || ask(at) != first {
		t.Errorf("at the new position there are %d units", len(u.Arm))
	}
}

func BenchmarkReopen(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir, 0)
	if err := s.Apply(b.Context(), manyBatches(b, 100_000)); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		open(b, dir, 0).Close()
	}
}
