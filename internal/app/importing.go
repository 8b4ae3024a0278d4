package app

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/assayhq/assay/internal/client"
	"github.com/assayhq/assay/internal/importer"
)

// serverFlags are the flags by which a command finds its server.
type serverFlags struct{ url, key string }

func (v *serverFlags) register(f *flag.FlagSet, s Streams) {
	base := s.Getenv("ASSAY_URL")
	if base == "" {
		base = "http://" + DefaultListen
	}
	f.StringVar(&v.url, "url", base, "`address` of the server (ASSAY_URL)")
	f.StringVar(&v.key, "key", "", "API `key` (ASSAY_KEY, which other users of this machine cannot see)")
}

func (v *serverFlags) client(s Streams) (*client.Client, error) { return v.clientWith(s, nil) }

func (v *serverFlags) clientWith(s Streams, c *http.Client) (*client.Client, error) {
	key := v.key
	if key == "" {
		key = s.Getenv("ASSAY_KEY")
	}
	return client.New(v.url, key, c)
}

const shownRejections = 20

func importCommand(ctx context.Context, args []string, s Streams) error {
	if len(args) > 0 && args[0] == "flags" {
		return importFlagsCommand(ctx, args[1:], s)
	}
	f := flagSet("import", "FILE...", "Imports JSON Lines or CSV files (also gzipped) of exposures and measurements. A bad line never costs a good one.", s)
	var at serverFlags
	at.register(f, s)
	o := importer.Options{}
	f.StringVar(&o.Project, "project", "", "`project` to import into; needed with an admin key")
	f.StringVar(&o.Environment, "environment", "production", "`environment` to import into, with an admin key")
	f.StringVar(&o.Kind, "type", "", "exposure or measurement, for rows that don't say it")
	reportFile := f.String("report", "", "`file` to write the whole import report to, as JSON")
	files, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return wrong(s, f, "Name at least one file to import.")
	}
	if o.Client, err = at.client(s); err != nil {
		return err
	}
	if o.Project == "" {
		o.Environment = "" // the key knows its place
	}
	o.Files = files
	bar, err := importBar(s, files)
	if err != nil {
		return err
	}
	o.Progress = bar.add
	report, err := importer.Run(ctx, o)
	bar.finish()
	tellImport(s, report)
	if *reportFile != "" {
		if err := writeJSON(*reportFile, report); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("the import ended early; run it again, what is in already counts as duplicate: %w", err)
	}
	return nil
}

// progress draws a bar on a terminal, and nothing elsewhere.
type progress struct {
	bar  *progressbar.ProgressBar
	seen atomic.Int64
}

func newProgress(s Streams, total int64, what string, options ...progressbar.Option) *progress {
	if !s.Interactive {
		return &progress{}
	}
	options = append([]progressbar.Option{
		progressbar.OptionSetWriter(s.Err), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(40),
		progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionClearOnFinish(),
	}, options...)
	return &progress{bar: progressbar.NewOptions64(total, options...)}
}

func importBar(s Streams, files []string) (*progress, error) {
	var total int64
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("the file to import cannot be read: %w", err)
		}
		total += info.Size()
	}
	return newProgress(s, total, "importing", progressbar.OptionShowBytes(true)), nil
}

func (p *progress) add(n int64) {
	p.seen.Add(n)
	if p.bar != nil {
		_ = p.bar.Add64(n) // a bar that cannot be drawn is not missed
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish() // a bar that cannot be drawn is not missed
	}
}

func tellImport(s Streams, r importer.Report) {
	say(s.Out, "read       %d\naccepted   %d\nduplicate  %d\nrejected   %d\n", r.Read, r.Accepted, r.Duplicates, r.Rejected)
	if r.AssumedTimes > 0 {
		say(s.Out, "assumed    %d rows whose source gave no time stamp\n", r.AssumedTimes)
	}
	if r.Position != "" {
		say(s.Out, "position   %s\n", r.Position)
	}
	for i, rejection := range r.Rejections {
		if i == shownRejections {
			say(s.Out, "… and %d more; see them all with --report FILE\n", r.Rejected-shownRejections)
			break
		}
		say(s.Out, "%s:%d: %s (%s)\n", rejection.File, rejection.Line, rejection.Detail, rejection.Code)
	}
}

func writeJSON(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	if err := os.WriteFile(name, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func reportCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("report", "EXPERIMENT", "Shows the report of an experiment.", s)
	var at serverFlags
	at.register(f, s)
	project := f.String("project", "", "`project` of the experiment; needed unless it is written PROJECT/EXPERIMENT")
	format := f.String("format", "text", "text, html or json")
	asOf := f.String("as-of", "", "log `position` to report at; now when empty")
	minPosition := f.String("min-position", "", "log `position` that must be in the report, such as the one that an import printed")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return wrong(s, f, "Name one experiment.")
	}
	in, experiment := splitName(*project, rest[0])
	if in == "" {
		return wrong(s, f, "Name the project: assay report PROJECT/EXPERIMENT.")
	}
	server, err := at.client(s)
	if err != nil {
		return err
	}
	query := url.Values{"format": {*format}}
	if *asOf != "" {
		query.Set("as_of", *asOf)
	}
	if *minPosition != "" {
		query.Set("min_position", *minPosition)
	}
	answer, err := server.DoPatiently(ctx, client.Request{Path: reportPath(in, experiment), Query: query}, nil, 5)
	if err != nil {
		return err
	}
	_, err = s.Out.Write(answer.Body)
	return err
}

func reportPath(project, experiment string) string {
	return "/api/v1/projects/" + url.PathEscape(project) + "/experiments/" + url.PathEscape(experiment) + "/report"
}

// splitName takes PROJECT/EXPERIMENT apart.
func splitName(project, name string) (in, experiment string) {
	for i := range name {
		if name[i] == '/' {
			return name[:i], name[i+1:]
		}
	}
	return project, name
}
