// Package importer brings files of exposures and measurements into a running server through its public API, batch by
// batch. It is what `assay import` runs.
//
// # The model
//
// A file is read line by line (JSON Lines) or record by record (CSV); each becomes one item that keeps its line number.
// Items are sent as they are, up to 1,000 in a request, a few requests at once; the server checks each by itself. A bad
// line never costs a good one: it is reported with its number and the server's reason. Sending a batch twice is harmless
// because every item has an event_id, so requests are repeated patiently while the server is busy or away, and
// running the same import again only counts duplicates.
package importer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/assayhq/assay/internal/client"
)

const (
	batchItems   = 1_000   // the server's limit
	batchBytes   = 2 << 20 // well below its limit for a body
	keptPerFile  = 10_000  // rejections remembered in full; all are counted
	sendAtOnce   = 4
	sendAttempts = 8
)

// Options say what to import and where to.
type Options struct {
	Client *client.Client
	// Project and Environment are needed with an admin key; other keys know their own.
	Project, Environment string
	// Kind is "exposure" or "measurement" for rows that don't say it in their field "type"; empty: such rows are rejected.
	Kind  string
	Files []string
	// Progress, when given, hears how many bytes of the files have been read. It may be called from any goroutine.
	Progress func(bytes int64)
}

// Report is what became of the rows.
type Report struct {
	Read       int64 `json:"read"`
	Accepted   int64 `json:"accepted"`
	Duplicates int64 `json:"duplicates"`
	Rejected   int64 `json:"rejected"`
	// AssumedTimes counts accepted or duplicate rows whose source gave no time stamp ("ts":"assumed").
	AssumedTimes int64 `json:"assumed_times"`
	// Position is the log position after which everything accepted is in the log.
	Position   string      `json:"position,omitempty"`
	Rejections []Rejection `json:"rejections,omitempty"`
}

// Rejection names a row that was not taken, and why.
type Rejection struct {
	File   string `json:"file"`
	Line   int64  `json:"line"` // counted from 1
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// item is one row on its way.
type item struct {
	line    int64
	body    json.RawMessage
	assumed bool
}

type batch struct {
	file, kind string
	items      []item
	bytes      int
}

// Run imports the files in order. The report is meaningful also when an error ends it early.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.Kind != "" && o.Kind != "exposure" && o.Kind != "measurement" {
		return Report{}, fmt.Errorf("the kind of rows is %q; it must be exposure or measurement", o.Kind)
	}
	run := &importRun{options: o}
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan batch)
	group.Go(func() error { return run.readAll(ctx, batches) })
	for range sendAtOnce {
		group.Go(func() error { return run.sendAll(ctx, batches) })
	}
	err := group.Wait()
	slices.SortStableFunc(run.report.Rejections, func(a, b Rejection) int {
		return cmp.Or(cmp.Compare(slices.Index(o.Files, a.File), slices.Index(o.Files, b.File)), cmp.Compare(a.Line, b.Line))
	})
	return run.report, err
}

type importRun struct {
	options Options

	mu     sync.Mutex // guards report
	report Report
}

func (r *importRun) readAll(ctx context.Context, out chan<- batch) error {
	defer close(out)
	for _, name := range r.options.Files {
		if err := r.readFile(ctx, name, out); err != nil {
			return err
		}
	}
	return nil
}

func (r *importRun) sendAll(ctx context.Context, in <-chan batch) error {
	for b := range in {
		if err := r.send(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (r *importRun) readFile(ctx context.Context, name string, out chan<- batch) error {
	file, err := os.Open(name) //nolint:gosec // the user names the file to import
	if err != nil {
		return fmt.Errorf("the file to import cannot be opened: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	rows, err := newRows(name, &countingReader{r: file, hear: r.options.Progress})
	if err != nil {
		return err
	}
	open := map[string]*batch{}
	for {
		row, err := rows.next()
		if errors.Is(err, io.EOF) {
			return giveRest(ctx, open, out)
		}
		if err != nil {
			return fmt.Errorf("reading %s after line %d: %w", name, row.line, err)
		}
		if err := r.place(ctx, name, row, open, out); err != nil {
			return err
		}
	}
}

// giveRest hands on the batches that did not fill.
func giveRest(ctx context.Context, open map[string]*batch, out chan<- batch) error {
	for _, kind := range []string{"exposure", "measurement"} {
		if b := open[kind]; b != nil && len(b.items) > 0 {
			if err := give(ctx, out, *b); err != nil {
				return err
			}
		}
	}
	return nil
}

// place adds the row to the open batch of its kind, or to the rejections.
func (r *importRun) place(ctx context.Context, name string, row row, open map[string]*batch, out chan<- batch) error {
	r.count(func(report *Report) { report.Read++ })
	kind, reject := r.kindOf(row)
	if reject != nil {
		reject.File, reject.Line = name, row.line
		r.reject(*reject)
		return nil
	}
	b := open[kind]
	if b != nil && (len(b.items) == batchItems || b.bytes+len(row.body) > batchBytes) {
		if err := give(ctx, out, *b); err != nil {
			return err
		}
		b = nil
	}
	if b == nil {
		b = &batch{file: name, kind: kind}
		open[kind] = b
	}
	b.items = append(b.items, item{line: row.line, body: row.body, assumed: row.head.TS != ""})
	b.bytes += len(row.body)
	return nil
}

func (r *importRun) kindOf(row row) (string, *Rejection) {
	if row.err != nil {
		return "", &Rejection{Code: "malformed_row", Detail: row.err.Error()}
	}
	kind := row.head.Type
	if kind == "" {
		kind = r.options.Kind
	}
	switch kind {
	case "exposure", "measurement":
		return kind, nil
	case "":
		return "", &Rejection{Code: "missing_type", Detail: `the row has no "type"; add it, or name the kind of all rows with --type`}
	case "aggregate":
		return "", &Rejection{Code: "unsupported_type", Detail: "aggregate rows are not taken in yet; import the exposures and measurements of the units"}
	default:
		return "", &Rejection{Code: "unknown_type", Detail: fmt.Sprintf("the type %q is not exposure or measurement", kind)}
	}
}

func give(ctx context.Context, out chan<- batch, b batch) error {
	select {
	case out <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ingestAnswer is the answer of the ingestion endpoints.
type ingestAnswer struct {
	Accepted   int64  `json:"accepted"`
	Duplicates int64  `json:"duplicates"`
	Rejected   int64  `json:"rejected"`
	Position   string `json:"position"`
	Items      []struct {
		Index  int    `json:"index"`
		Status string `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"items"`
}

func (r *importRun) send(ctx context.Context, b batch) error {
	bodies := make([]json.RawMessage, len(b.items))
	for i, it := range b.items {
		bodies[i] = it.body
	}
	query := url.Values{}
	if r.options.Project != "" {
		query.Set("project", r.options.Project)
	}
	if r.options.Environment != "" {
		query.Set("environment", r.options.Environment)
	}
	request := client.Request{
		Method: "POST", Path: "/api/v1/" + b.kind + "s", Query: query,
		Body: map[string]any{"items": bodies},
	}
	var answer ingestAnswer
	if _, err := r.options.Client.DoPatiently(ctx, request, &answer, sendAttempts); err != nil {
		return fmt.Errorf("%s, lines %d to %d: %w", b.file, b.items[0].line, b.items[len(b.items)-1].line, err)
	}
	r.take(b, answer)
	return nil
}

func (r *importRun) take(b batch, answer ingestAnswer) {
	rejected := map[int]bool{}
	for _, it := range answer.Items {
		if it.Status == "rejected" && it.Index >= 0 && it.Index < len(b.items) {
			rejected[it.Index] = true
			r.reject(Rejection{File: b.file, Line: b.items[it.Index].line, Code: it.Code, Detail: it.Detail})
		}
	}
	r.count(func(report *Report) {
		report.Accepted += answer.Accepted
		report.Duplicates += answer.Duplicates
		if later(answer.Position, report.Position) {
			report.Position = answer.Position
		}
		for i, it := range b.items {
			if it.assumed && !rejected[i] {
				report.AssumedTimes++
			}
		}
	})
}

// later compares positions, which are decimal numbers beyond what a float holds.
func later(a, b string) bool { return len(a) > len(b) || len(a) == len(b) && a > b }

func (r *importRun) count(change func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.report)
}

func (r *importRun) reject(rejection Rejection) {
	r.count(func(report *Report) {
		report.Rejected++
		if len(report.Rejections) < keptPerFile {
			report.Rejections = append(report.Rejections, rejection)
		}
	})
}

type countingReader struct {
	r    io.Reader
	hear func(int64)
}

// Read tells how many bytes came.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.hear != nil && n > 0 {
		c.hear(int64(n))
	}
	return n, err
}
