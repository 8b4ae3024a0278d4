package main

import (
	"encoding/csv"
	"math"
	"os"
	"slices"
	"testing"
)

// A small draw of everything: nothing that promises "at most" is above it, and nothing that promises "about" is far from it. With these few
// runs only a gross error shows; the committed table has 10,000.
func TestASmallDrawKeepsItsPromises(t *testing.T) {
	rows, err := runAll(5, 120)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.promise == nothing {
			continue
		}
		// Four standard errors and a half: one row in 100,000.
		allowance := 4.5 * math.Max(r.se(), math.Sqrt(r.nominal*(1-r.nominal)/float64(r.runs)))
		gap := r.observed() - r.nominal
		if gap > allowance || r.promise == about && gap < -allowance {
			t.Errorf("%s, %s, %s: %v in %d runs, promised %s %v", r.study, r.method, r.quantity, r.observed(), r.runs, r.promise, r.nominal)
		}
	}
}

func TestADrawCanBeDrawnAgain(t *testing.T) {
	s := studies()[6]
	first, err := s.draw(1, 6, 100)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.draw(1, 6, 100)
	if err != nil || !slices.Equal(first, again) {
		t.Errorf("%v\n%v\n%v", first, again, err)
	}
	other, err := s.draw(2, 6, 100)
	if err != nil || slices.Equal(first, other) {
		t.Error("another seed draws the same")
	}
}

// The committed table has the rows of these studies and keeps what it promises.
func TestTheCommittedTableIsOfTheseStudies(t *testing.T) {
	file, err := os.Open("../../stats/calibration.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	table, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := runAll(1, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(table) != len(rows)+1 {
		t.Fatalf("%d rows are committed, the studies have %d", len(table)-1, len(rows))
	}
	for i, r := range rows {
		got := table[i+1]
		if got[0] != r.study || got[1] != r.method || got[2] != r.quantity || got[3] != string(r.promise) {
			t.Errorf("row %d is %v, not %s, %s, %s", i+1, got[:4], r.study, r.method, r.quantity)
		}
		if got[8] == "off" {
			t.Errorf("%v does not keep its promise", got)
		}
	}
}

func TestJudgements(t *testing.T) {
	share := func(p promise, nominal float64, wrong, runs int) row {
		return row{promise: p, nominal: nominal, runs: runs, sum: float64(wrong), squares: float64(wrong)}
	}
	for _, c := range []struct {
		r    row
		want string
	}{
		{share(atMost, 0.05, 0, 1_000), "ok"},
		{share(about, 0.05, 0, 1_000), "off"},
		{share(about, 0.05, 55, 1_000), "ok"},
		{share(atMost, 0.05, 90, 1_000), "off"},
		{share(nothing, 0, 900, 1_000), "for comparison"},
		{row{promise: about, runs: 100, sum: 5, squares: 100}, "ok"},
		{row{promise: about, runs: 100, sum: 50, squares: 100}, "off"},
	} {
		if got := c.r.judgement(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.r, got, c.want)
		}
	}
}
