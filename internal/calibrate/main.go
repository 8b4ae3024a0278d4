// Command calibrate shows by simulation that the methods of stats are wrong as often as they say: it draws worlds in which the truth is
// known, runs every method on each, and writes how often a true null hypothesis was rejected and how often an interval held the truth.
//
//	go run ./internal/calibrate            # the committed table, stats/CALIBRATION.md and stats/calibration.csv; some minutes
//	go run ./internal/calibrate -runs 200 -out DIR
//
// # The model
//
// A study is a world with its methods: one run draws data from the world and tallies for every row whether an error happened. The random
// numbers of a run depend on the seed, the study and the run alone, so a table can be drawn again to the last digit on any number of
// processors. A row promises that its share of errors is at most, or about, a nominal one; the table says whether it is, within three
// standard errors of the simulation, and says so too when it is not.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	seed := flag.Uint64("seed", 1, "the seed of all random numbers")
	runs := flag.Int("runs", 10_000, "runs of each study; the slow ones take a part of it")
	out := flag.String("out", "stats", "the folder that CALIBRATION.md and calibration.csv are written to")
	flag.Parse()
	if err := write(*out, *seed, *runs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(folder string, seed uint64, runs int) error {
	if runs < 10 {
		return fmt.Errorf("%d runs show nothing; ask for at least 10", runs)
	}
	rows, err := runAll(seed, runs)
	if err != nil {
		return err
	}
	command := "go run ./internal/calibrate"
	if seed != 1 || runs != 10_000 {
		command += fmt.Sprintf(" -seed %d -runs %d", seed, runs)
	}
	for name, text := range map[string]string{"CALIBRATION.md": markdown(rows, command), "calibration.csv": commas(rows)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil { //nolint:gosec // a table for everybody
			return fmt.Errorf("write the table: %w", err)
		}
	}
	return nil
}

// markdown is the table for people.
func markdown(rows []row, command string) string {
	var b strings.Builder
	b.WriteString("# Calibration\n\nHow often each method is wrong when the truth is known. Written by\n\n    " + command + "\n\n")
	b.WriteString("*nominal* is the share of errors that is promised; *at most* promises no more, *about* promises nearly that. *se* is the standard error of\n")
	b.WriteString("the simulation. A row is *ok* within three of them, otherwise *off*; *for comparison* marks what is no promise of ours.\n")
	study := ""
	for _, r := range rows {
		if r.study != study {
			study = r.study
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| method | quantity | nominal | runs | observed | se | |\n|---|---|---|---|---|---|---|\n", r.study, r.world)
		}
		nominal := fmt.Sprintf("%s %.4g", r.promise, r.nominal)
		if r.promise == nothing {
			nominal = ""
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %.4f | %.4f | %s |\n", r.method, r.quantity, nominal, r.runs, r.observed(), r.se(), r.judgement())
	}
	return b.String()
}

// commas is the table for programs.
func commas(rows []row) string {
	var b strings.Builder
	b.WriteString("study,method,quantity,promise,nominal,runs,observed,se,judgement\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "%q,%q,%q,%s,%g,%d,%.6f,%.6f,%s\n", r.study, r.method, r.quantity, r.promise, r.nominal, r.runs, r.observed(), r.se(), r.judgement())
	}
	return b.String()
}
