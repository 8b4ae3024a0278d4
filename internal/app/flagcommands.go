package app

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/assayhq/assay/internal/client"
	"github.com/assayhq/assay/internal/flagimport"
)

// importFlagsCommand is `assay import flags`.
func importFlagsCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("import flags", "FILE", `Brings flags of another product into an environment, where units keep their buckets. --dry-run shows what would change.
What cannot be expressed is told for each flag; it costs none of the others.`, s)
	var at serverFlags
	at.register(f, s)
	from := f.String("from", "", strings.Join(flagimport.Sources(), ", ")+": the `product` whose file it is")
	t := flagimport.Target{}
	f.StringVar(&t.Project, "project", "", "`project` to import into")
	f.StringVar(&t.Environment, "environment", "production", "`environment` to import into")
	f.StringVar(&t.Reason, "reason", "", "why, for the history; the file's name when left out")
	dry := f.Bool("dry-run", false, "show what would change, and change nothing")
	files, err := parse(f, args)
	if err != nil {
		return err
	}
	read, known := flagimport.SourceNamed(*from)
	switch {
	case !known:
		return wrong(s, f, "There is no import from %q; --from is one of %s.", *from, strings.Join(flagimport.Sources(), ", "))
	case len(files) != 1 || t.Project == "":
		return wrong(s, f, "Name one file, and the project with --project.")
	}
	if t.Client, err = at.client(s); err != nil {
		return err
	}
	if t.Reason == "" {
		t.Reason = fmt.Sprintf("Imported from %s (%s).", files[0], *from)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		return fmt.Errorf("reading the flags: %w", err)
	}
	flags, problems, err := read(text)
	if err != nil {
		return err
	}
	changes, err := t.Plan(ctx, flags)
	if err != nil {
		return err
	}
	if !*dry {
		refused, err := t.Apply(ctx, changes)
		problems = append(problems, refused...)
		if err != nil {
			return err
		}
	}
	tellFlagImport(s, changes, problems, *dry)
	if len(problems) > 0 {
		return fmt.Errorf("%d of %d flags are not imported; see above", len(problems), len(flags)+len(problems))
	}
	return nil
}

func tellFlagImport(s Streams, changes []flagimport.Change, problems []flagimport.Problem, dry bool) {
	failed := map[string]string{}
	for _, p := range problems {
		failed[p.Flag] = p.Detail
	}
	count := map[string]int{}
	for _, c := range changes {
		if _, refused := failed[c.Flag]; refused {
			continue
		}
		count[c.What]++
		if c.What != "nothing" {
			say(s.Out, "%-8s %s\n", c.What, c.Flag)
			for _, d := range c.Details {
				say(s.Out, "         %s\n", d)
			}
		}
	}
	for _, p := range problems {
		say(s.Out, "cannot   %s: %s\n", p.Flag, p.Detail)
	}
	done := "created %d, changed %d, the same %d, not expressible or refused %d\n"
	if dry {
		done = "would create %d, change %d, leave %d, cannot bring %d; nothing was changed\n"
	}
	say(s.Out, done, count["create"], count["change"], count["nothing"], len(problems))
}

// exportFlagsCommand is `assay export flags`.
func exportFlagsCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("export", "flags", "Writes an environment's flags in the format of another product. What it cannot express is told for each flag.", s)
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
		return nil
	}
	if err := os.WriteFile(*out, append(answer.Body, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the flags: %w", err)
	}
	return nil
}
