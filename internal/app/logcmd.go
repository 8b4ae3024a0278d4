package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/pebblelog"
	"github.com/assayhq/assay/internal/archive"
	"github.com/assayhq/assay/internal/client"
)

const logUsage = `Usage: assay log COMMAND [flags]

  head     print where the log ends, as JSON: keep it elsewhere, signed if you like
  verify   read the whole log and name every event that was changed, is missing or was exchanged
  export   write the log to a portable file of JSON lines (.gz and .zst are compressed)
  import   fill an empty log from such a file, or go on where an earlier import ended

Each works on a stopped server's --data folder or on --log esdb://…; head and verify also on a running server (--url, --key).
`

func logCommand(ctx context.Context, args []string, s Streams) error {
	commands := map[string]func(context.Context, []string, Streams) error{
		"head": headCommand, "verify": verifyCommand, "export": exportCommand, "import": importLogCommand,
	}
	if len(args) > 0 && commands[args[0]] != nil {
		return commands[args[0]](ctx, args[1:], s)
	}
	say(s.Err, "%s", logUsage)
	if len(args) > 0 && (args[0] == "help" || args[0] == "--help" || args[0] == "-h") {
		return nil
	}
	return errUsage
}

// placeFlags name a log that this process may open itself.
type placeFlags struct{ data, log string }

func (p *placeFlags) register(f *flag.FlagSet) {
	f.StringVar(&p.data, "data", "", "data `folder` of a stopped server")
	f.StringVar(&p.log, "log", "", "connection `string` of an EventStoreDB server, such as esdb://localhost:2113")
}

func (p *placeFlags) place() (string, error) {
	if (p.data == "") == (p.log == "") {
		return "", errors.New("name one log: --data FOLDER or --log esdb://…")
	}
	return p.data + p.log, nil
}

// orWrong is the error of parsing, or that the command takes other flags or arguments.
func orWrong(err error, s Streams, f *flag.FlagSet) error {
	if err != nil {
		return err
	}
	return wrong(s, f, "This is not how the command is used.")
}

func headCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("log head", "", "Prints where the log ends: number of events, position, and the hash over all of them.", s)
	var at serverFlags
	at.register(f, s)
	var where placeFlags
	where.register(f)
	if rest, err := parse(f, args); err != nil || len(rest) > 0 {
		return orWrong(err, s, f)
	}
	head, err := headOf(ctx, at, where, s)
	if err != nil {
		return err
	}
	text, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("encoding the head: %w", err)
	}
	say(s.Out, "%s\n", text)
	return nil
}

func headOf(ctx context.Context, at serverFlags, where placeFlags, s Streams) (archive.Head, error) {
	if where != (placeFlags{}) {
		place, err := where.place()
		if err != nil {
			return archive.Head{}, err
		}
		log, err := openPlace(ctx, place, false, s)
		if err != nil {
			return archive.Head{}, err
		}
		defer log.Close() //nolint:errcheck // only read
		return archive.HeadOf(ctx, log)
	}
	server, err := at.client(s)
	if err != nil {
		return archive.Head{}, err
	}
	var status struct{ Events, Position, Chain string }
	if _, err := server.Do(ctx, client.Request{Path: "/api/v1/log"}, &status); err != nil {
		return archive.Head{}, err
	}
	if status.Chain == "" {
		return archive.Head{}, fmt.Errorf("the event store ends at position %s and keeps no chain: read it with --log esdb://…, which computes one", status.Position)
	}
	return parseHead(status.Events, status.Position, status.Chain)
}

func parseHead(events, position, chain string) (h archive.Head, err error) {
	n, err := strconv.Atoi(events)
	if err != nil {
		return h, fmt.Errorf("the server answered %q for a number: %w", events, err)
	}
	p, err := strconv.ParseUint(position, 10, 64)
	if err != nil {
		return h, fmt.Errorf("the server answered %q for a position: %w", position, err)
	}
	h.Events, h.Position = n, eventlog.Position(p)
	return h, h.Chain.UnmarshalText([]byte(chain))
}

func verifyCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("log verify", "", "Reads the whole log and names every event that was changed, is missing or was exchanged. Whoever can write the log can also\nwrite hashes that fit: compare with a head that was kept elsewhere (--anchor).", s)
	var at serverFlags
	at.register(f, s)
	var where placeFlags
	where.register(f)
	anchor := f.String("anchor", "", "`file` with one or more lines of assay log head, kept elsewhere, oldest first")
	if rest, err := parse(f, args); err != nil || len(rest) > 0 {
		return orWrong(err, s, f)
	}
	anchors, err := readAnchors(*anchor)
	if err != nil {
		return err
	}
	report, err := verified(ctx, at, where, anchors, s)
	if err != nil {
		return err
	}
	if err := tellFaults(s, report); err != nil {
		return err
	}
	say(s.Out, "events     %d, each as it was recorded\ntrimmed    %d\nposition   %d\nchain      %s\nanchors    %d, all of them met\n",
		report.Head.Events, report.Trimmed, report.Head.Position, report.Head.Chain, len(anchors))
	return nil
}

func verified(ctx context.Context, at serverFlags, where placeFlags, anchors []archive.Head, s Streams) (archive.Report, error) {
	if where == (placeFlags{}) {
		if len(anchors) > 0 {
			return archive.Report{}, errors.New("heads kept elsewhere are compared with a log that is read here: stop the server and use --data, or restore a backup of it into another folder")
		}
		return verifiedOnline(ctx, at, s)
	}
	place, err := where.place()
	if err != nil {
		return archive.Report{}, err
	}
	log, err := openPlace(ctx, place, false, s)
	if err != nil {
		return archive.Report{}, err
	}
	defer log.Close() //nolint:errcheck // only read
	return archive.Check(ctx, log, anchors...)
}

func verifiedOnline(ctx context.Context, at serverFlags, s Streams) (r archive.Report, err error) {
	server, err := at.client(s)
	if err != nil {
		return r, err
	}
	var answer struct {
		Position, Chain, Events, Trimmed string
		Faults                           []struct{ Position, Kind, Detail string }
	}
	if _, err := server.Do(ctx, client.Request{Path: "/api/v1/log/verification"}, &answer); err != nil {
		return r, err
	}
	if r.Head, err = parseHead(answer.Events, answer.Position, answer.Chain); err != nil {
		return r, err
	}
	if r.Trimmed, err = strconv.Atoi(answer.Trimmed); err != nil {
		return r, fmt.Errorf("the server answered %q for a number: %w", answer.Trimmed, err)
	}
	for _, f := range answer.Faults {
		p, err := strconv.ParseUint(f.Position, 10, 64)
		if err != nil {
			return r, fmt.Errorf("the server answered %q for a position: %w", f.Position, err)
		}
		r.Faults = append(r.Faults, pebblelog.Fault{Position: eventlog.Position(p), Kind: pebblelog.Kind(f.Kind), Detail: f.Detail})
	}
	return r, nil
}

func readAnchors(name string) ([]archive.Head, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name) //nolint:gosec // the file that was asked for
	if err != nil {
		return nil, fmt.Errorf("the anchors cannot be read: %w", err)
	}
	var anchors []archive.Head
	for d := json.NewDecoder(bytes.NewReader(text)); d.More(); {
		var h archive.Head
		if err := d.Decode(&h); err != nil {
			return nil, fmt.Errorf("%s does not hold what assay log head prints: %w", name, err)
		}
		anchors = append(anchors, h)
	}
	if len(anchors) == 0 {
		return nil, fmt.Errorf("%s holds no head", name)
	}
	return anchors, nil
}

// tellFaults prints what is wrong with a log, and is an error if anything is.
func tellFaults(s Streams, r archive.Report) error {
	for _, f := range r.Faults {
		say(s.Out, "%-12s %s\n", f.Kind, f.Detail)
	}
	if n := len(r.Faults); n > 0 {
		return fmt.Errorf("the log is not as it was written in %d places; restore a backup of before", n)
	}
	return nil
}

func exportCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("log export", "", "Writes the whole log as JSON lines with ids, order, revisions, metadata and recorded times.", s)
	var where placeFlags
	where.register(f)
	file := f.String("o", "", "`file` to write, - for standard output; names ending in .gz or .zst are compressed")
	if rest, err := parse(f, args); err != nil || len(rest) > 0 || *file == "" {
		return orWrong(err, s, f)
	}
	place, err := where.place()
	if err != nil {
		return err
	}
	log, err := openPlace(ctx, place, false, s)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // only read
	out, done, err := output(*file, s)
	if err != nil {
		return err
	}
	compressed, err := archive.Compress(*file, out)
	if err != nil {
		return done(err)
	}
	bar := newProgress(s, -1, "exporting events")
	head, err := archive.Export(ctx, log, compressed, bar.add)
	bar.finish()
	if err := done(errors.Join(err, compressed.Close())); err != nil {
		return err
	}
	say(s.Err, "exported %d events; chain %s\n", head.Events, head.Chain)
	return nil
}

func importLogCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("log import", "FILE", "Fills an empty log from an exported one, or goes on where an earlier import of the same file ended.", s)
	var where placeFlags
	where.register(f)
	rest, err := parse(f, args)
	if err != nil || len(rest) != 1 {
		return orWrong(err, s, f)
	}
	place, err := where.place()
	if err != nil {
		return err
	}
	in, err := input(rest[0])
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	plain, err := archive.Expand(in)
	if err != nil {
		return fmt.Errorf("the file cannot be read: %w", err)
	}
	log, err := openPlace(ctx, place, true, s)
	if err != nil {
		return err
	}
	bar := newProgress(s, -1, "importing events")
	copied, err := archive.Copy(ctx, archive.Entries(plain), log, bar.add)
	bar.finish()
	if err := errors.Join(err, log.Close()); err != nil {
		return err
	}
	tellCopied(s, copied)
	return nil
}

func tellCopied(s Streams, c archive.Copied) {
	say(s.Out, "found      %d\nadded      %d\n", c.Found, c.Added)
	if c.Skipped > 0 {
		say(s.Out, "skipped    %d events whose data retention has removed: only an embedded log keeps their places, so the chain is another from there on\n", c.Skipped)
	}
	say(s.Out, "events     %d, read back and compared\nchain      %s\n", c.Head.Events, c.Head.Chain)
}

func migrateCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("migrate", "", "Copies a log to another engine with ids, order, revisions and metadata, and compares both when it is done. Run it again to go\non after an interruption. Stop the server first; start it on the new log afterwards.", s)
	from := f.String("from", "", "data `folder`, or esdb://…, to read")
	to := f.String("to", "", "data `folder`, or esdb://…, to fill; it must be empty or hold the beginning of the same log")
	if rest, err := parse(f, args); err != nil || len(rest) > 0 || *from == "" || *to == "" {
		return orWrong(err, s, f)
	}
	source, err := openPlace(ctx, *from, false, s)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	target, err := openPlace(ctx, *to, true, s)
	if err != nil {
		return err
	}
	bar := newProgress(s, -1, "copying events")
	copied, err := archive.Copy(ctx, eventlog.Entries(ctx, source, 0), target, bar.add)
	bar.finish()
	if err := errors.Join(err, target.Close()); err != nil {
		return fmt.Errorf("the copy is not complete; run it again to go on: %w", err)
	}
	tellCopied(s, copied)
	return nil
}
