package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/client"
	"github.com/assayhq/assay/internal/flagimport"
)

// flagImport is what `assay import flags` was asked for.
type flagImport struct {
	target flagimport.Target
	at     serverFlags
	from   string
	source flagimport.Options
	format string
	dry    bool
}

const aboutFlagImport = `Brings flags of another product into an environment, where they decide as before and units keep their buckets. --dry-run
shows what would change. What cannot be expressed is told for each flag; it costs none of the others, and the exit code is 1.`

// importFlagsCommand is `assay import flags`.
func importFlagsCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("import flags", "FILE", aboutFlagImport, s)
	i := flagImport{source: flagimport.Options{Now: time.Now()}}
	i.at.register(f, s)
	f.StringVar(&i.from, "from", "", strings.Join(flagimport.Sources(), ", ")+": the `product` whose file it is")
	f.StringVar(&i.source.Environment, "source-environment", "", "`environment` of the other product, where its file has several")
	f.StringVar(&i.source.IDs, "ids", "", "how the other product's SDKs in use read unit ids that are not ASCII: utf8, utf16 (GrowthBook's for JavaScript and Go, which is what is assumed) or lowbyte (Unleash's for JavaScript)")
	f.StringVar(&i.target.Project, "project", "", "`project` to import into")
	f.StringVar(&i.target.Environment, "environment", "production", "`environment` to import into")
	f.StringVar(&i.target.Reason, "reason", "", "why, for the history; the file's name when left out")
	f.StringVar(&i.format, "format", "text", "text or json")
	f.BoolVar(&i.dry, "dry-run", false, "show what would change, and change nothing")
	files, err := parse(f, args)
	if err != nil {
		return err
	}
	_, known := flagimport.SourceNamed(i.from)
	switch {
	case !known:
		return wrong(s, f, "There is no import from %q; --from is one of %s.", i.from, strings.Join(flagimport.Sources(), ", "))
	case len(files) != 1 || i.target.Project == "":
		return wrong(s, f, "Name one file, and the project with --project.")
	case i.format != "text" && i.format != "json":
		return wrong(s, f, "There is no format %q; --format is text or json.", i.format)
	case !slices.Contains([]string{"", flagimport.UTF8, "utf16", "lowbyte"}, i.source.IDs):
		return wrong(s, f, "Unit ids are read as utf8, utf16 or lowbyte, not as %q.", i.source.IDs)
	}
	if i.target.Client, err = i.at.client(s); err != nil {
		return err
	}
	if i.target.Reason == "" {
		i.target.Reason = fmt.Sprintf("Imported from %s (%s).", files[0], i.from)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		return fmt.Errorf("reading the flags: %w", err)
	}
	return i.run(ctx, text, s)
}

func (i *flagImport) run(ctx context.Context, text []byte, s Streams) error {
	read, _ := flagimport.SourceNamed(i.from)
	m, err := read(text, i.source)
	if err != nil {
		return err
	}
	r := importedFlags{DryRun: i.dry, Notes: m.Notes, Problems: m.Problems}
	changes, problems, err := i.target.Plan(ctx, m)
	if err != nil {
		return err
	}
	r.Problems = append(r.Problems, problems...)
	r.Changes = changes
	if !i.dry {
		// Of a server that fails on the way, what was done until then is told.
		r.Changes, problems, err = i.target.Apply(ctx, changes)
		r.Problems = append(r.Problems, problems...)
	}
	r.count()
	if i.format == "json" {
		if encodeErr := r.json(s); encodeErr != nil {
			return encodeErr
		}
	} else {
		r.tell(s)
	}
	switch n := len(r.Problems); {
	case err != nil:
		return fmt.Errorf("the import ended early; run it again, what is in already stays as it is: %w", err)
	case n > 0:
		return fmt.Errorf("%d of %d flags are not imported; see above", n, n+len(r.Changes)-r.segments())
	}
	return nil
}

// importedFlags is what an import did, or would do.
type importedFlags struct {
	DryRun    bool                 `json:"dry_run"`
	Created   int                  `json:"created"`
	Changed   int                  `json:"changed"`
	Unchanged int                  `json:"unchanged"`
	Changes   []flagimport.Change  `json:"changes"`
	Notes     []flagimport.Problem `json:"notes"`
	Problems  []flagimport.Problem `json:"problems"`
}

func (r *importedFlags) count() {
	for _, c := range r.Changes {
		switch c.What {
		case flagimport.Create:
			r.Created++
		case flagimport.Alter:
			r.Changed++
		default:
			r.Unchanged++
		}
	}
}

func (r *importedFlags) segments() (n int) {
	for _, c := range r.Changes {
		if c.Segment != "" {
			n++
		}
	}
	return n
}

func (r *importedFlags) json(s Streams) error {
	out := *r
	if out.Changes == nil {
		out.Changes = []flagimport.Change{}
	}
	if out.Notes == nil {
		out.Notes = []flagimport.Problem{}
	}
	if out.Problems == nil {
		out.Problems = []flagimport.Problem{}
	}
	encoder := json.NewEncoder(s.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// tell leaves out what stays as it is.
func (r *importedFlags) tell(s Streams) {
	for _, c := range r.Changes {
		if c.What == flagimport.Nothing {
			continue
		}
		say(s.Out, "%-8s %s\n", c.What, c.Name())
		for _, d := range c.Details {
			say(s.Out, "         %s\n", d)
		}
	}
	for _, n := range r.Notes {
		say(s.Out, "note     %s\n", strings.TrimPrefix(n.Flag+": "+n.Detail, ": "))
	}
	for _, p := range r.Problems {
		say(s.Out, "cannot   %s: %s\n", p.Flag, p.Detail)
	}
	done := "created %d, changed %d, the same %d, not expressible or refused %d\n"
	if r.DryRun {
		done = "would create %d, change %d, leave %d, cannot bring %d; nothing was changed\n"
	}
	say(s.Out, done, r.Created, r.Changed, r.Unchanged, len(r.Problems))
}

// exportFlagsCommand is `assay export flags`.
func exportFlagsCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("export", "flags", `Writes an environment's flags in the format of another product. What that cannot express is told for each flag on standard
error, answers an error to whoever evaluates it, and makes the exit code 1; the other flags are written all the same.`, s)
	var at serverFlags
	at.register(f, s)
	to := f.String("to", "flagd", "flagd: the `product` whose format it is")
	in := f.String("project", "", "`project` to export; needed with an admin key")
	environment := f.String("environment", "production", "`environment` to export, with an admin key")
	out := f.String("out", "", "`file` to write; standard output when left out")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 || rest[0] != "flags" || *to != "flagd" {
		return wrong(s, f, "Say what to export and where to: assay export flags --to flagd.")
	}
	c, err := at.client(s)
	if err != nil {
		return err
	}
	query := url.Values{}
	if *in != "" {
		query = url.Values{"project": {*in}, "environment": {*environment}}
	}
	answer, err := c.Do(ctx, client.Request{Path: "/api/v1/ruleset/flagd", Query: query}, nil)
	if err != nil {
		return err
	}
	var problems struct {
		Items []flagimport.Problem `json:"items"`
	}
	if _, err := c.Do(ctx, client.Request{Path: "/api/v1/ruleset/flagd/problems", Query: query}, &problems); err != nil {
		return err
	}
	for _, p := range problems.Items {
		say(s.Err, "cannot   %s: %s\n", p.Flag, p.Detail)
	}
	if *out == "" {
		say(s.Out, "%s\n", answer.Body)
	} else if err := os.WriteFile(*out, append(answer.Body, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the flags: %w", err)
	}
	return incomplete(answer.Body, len(problems.Items))
}

// incomplete is an error where flags are not in the export as they are here.
func incomplete(export []byte, problems int) error {
	var set struct {
		Flags map[string]json.RawMessage `json:"flags"`
	}
	if err := json.Unmarshal(export, &set); err != nil {
		return fmt.Errorf("the export is none of flagd's: %w", err)
	}
	if problems > 0 {
		return fmt.Errorf("%d of %d flags are not in the export as they are; see above", problems, len(set.Flags))
	}
	return nil
}
