package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// Streams are what a command talks through.
type Streams struct {
	Out, Err io.Writer
	// Getenv looks up an environment variable.
	Getenv func(string) string
	// Interactive: Err is a terminal, so progress may be drawn on it.
	Interactive bool
}

const usage = `assay records feature flags, experiments and rollouts as events and reports on them.

Usage:
  assay serve        run the server on a data folder
  assay demo         run a server with an experiment and simulated visitors, and show the report
  assay import       bring exposures and measurements from files into a running server; import flags: flags of another product
  assay export       write an environment's flags as flag definitions of flagd's
  assay report       show the report of an experiment
  assay explain      tell why a flag serves what to whom
  assay design       say how many units an experiment needs, or what it can find
  assay projections  list the read models, or fold one anew
  assay backup       back up the log of a running or stopped server, or verify a backup
  assay restore      restore a backup into an empty folder
  assay log          head, verify, export and import: what operators ask of the event log
  assay migrate      copy the log to another engine

Run 'assay COMMAND --help' for the flags of a command.
Servers are found by --url and --key, or ASSAY_URL and ASSAY_KEY.
`

// errUsage has been explained to the user already.
var errUsage = errors.New("wrong usage")

// Main runs a command line without the program's name and returns the exit code: 0 done, 1 failed, 2 wrong usage.
func Main(ctx context.Context, args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	commands := map[string]func(context.Context, []string, Streams) error{
		"serve": serveCommand, "demo": demoCommand, "import": importCommand, "export": exportFlagsCommand, "report": reportCommand, "design": designCommand, "explain": explainCommand,
		"projections": projectionsCommand, "backup": backupCommand, "restore": restoreCommand, "log": logCommand, "migrate": migrateCommand,
	}
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		say(s.Out, usage)
		return 0
	}
	run, ok := commands[args[0]]
	if !ok {
		say(s.Err, "There is no command %q.\n\n%s", args[0], usage)
		return 2
	}
	switch err := run(ctx, args[1:], s); {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	default:
		say(s.Err, "assay %s: %v\n", args[0], err)
		return 1
	}
}

// say writes to a terminal or a pipe; nobody is left to tell when that fails.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}

// flagSet makes the flags of a command; what is said about them goes to Err.
func flagSet(name, arguments, about string, s Streams) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(s.Err)
	f.Usage = func() {
		say(s.Err, "Usage: assay %s [flags] %s\n\n%s\n\nFlags:\n", name, arguments, about)
		f.PrintDefaults()
	}
	return f
}

// parse reads the flags, also those that come after the arguments.
func parse(f *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, errUsage
		}
		if f.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, f.Arg(0))
		args = f.Args()[1:]
	}
}

func wrong(s Streams, f *flag.FlagSet, format string, args ...any) error {
	say(s.Err, format+"\n\n", args...)
	f.Usage()
	return errUsage
}

// logger writes JSON, or lines for people, to w.
func logger(w io.Writer, format, level string) (zerolog.Logger, error) {
	l, err := zerolog.ParseLevel(level)
	if err != nil {
		return zerolog.Logger{}, fmt.Errorf("there is no log level %q; choose debug, info, warn or error", level)
	}
	switch format {
	case "json":
	case "console":
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: true}
	default:
		return zerolog.Logger{}, fmt.Errorf("there is no log format %q; choose json or console", format)
	}
	return zerolog.New(w).Level(l).With().Timestamp().Logger(), nil
}

func serveCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("serve", "", "Runs the server. The first start on a folder prints an admin key, once.", s)
	c := Config{}
	f.StringVar(&c.Data, "data", "assay-data", "`folder` of the log and the read models")
	f.StringVar(&c.Listen, "listen", DefaultListen, "`address` to listen on")
	f.StringVar(&c.Store, "log", "", "`connection` string of an EventStoreDB or KurrentDB cluster that holds the log, such as esdb://user:password@host:2113?tls=true; without it the log is in the data folder. ASSAY_LOG sets it, too, and shows no password to other users of the machine")
	f.StringVar(&c.StorePrefix, "log-prefix", "", "`text` that begins the names of this installation's streams in the cluster, which others may use besides; or ASSAY_LOG_PREFIX")
	f.Float64Var(&c.EvaluationLimit.PerSecond, "evaluation-rate", 0, "OFREP evaluations a second that one key may ask for from one address, more get 429; 0 for no `limit`")
	f.IntVar(&c.EvaluationLimit.Burst, "evaluation-burst", 0, "evaluations that may come at once under --evaluation-rate; one second's worth when 0")
	f.StringVar(&c.Flags, "flags", "", "`file` of flagd's flag definitions to serve an environment from; it is watched, and any file that flagd takes runs unchanged")
	f.StringVar(&c.FlagsIn, "flags-in", "flags/production", "`project/environment` that --flags is served in")
	f.StringVar(&c.FlagdListen, "flagd-listen", "", "`address` for clients of flagd's sync protocol that cannot send a key, 127.0.0.1:8015 for instance; whoever reaches it reads all rules")
	f.BoolVar(&c.FlagdKeyInSelector, "flagd-key-in-selector", false, "take an API key as selector of flagd's sync protocol, though clients show it in their telemetry")
	retain := f.String("retain", s.Getenv("ASSAY_RETAIN"), "how many `days` measurements are kept that no experiment needs, such as shop/production=90,*=400; for ever when left out; or ASSAY_RETAIN")
	secretFlags(f, &c)
	format := f.String("log-format", "console", "json or console")
	level := f.String("log-level", "info", "debug, info, warn or error")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return wrong(s, f, "assay serve takes no arguments, but was given %q.", rest)
	}
	// Not as defaults of the flags, which --help would show.
	if c.Store == "" {
		c.Store = s.Getenv("ASSAY_LOG")
	}
	if c.StorePrefix == "" {
		c.StorePrefix = s.Getenv("ASSAY_LOG_PREFIX")
	}
	if c.Retention, err = ParseRetention(*retain); err != nil {
		return err
	}
	c.Secret = s.Getenv("ASSAY_SECRET")
	if c.Log, err = logger(s.Err, *format, *level); err != nil {
		return err
	}
	trim, stop := thrift(ctx, s.Getenv)
	defer stop()
	return Serve(ctx, c, func(r Running) {
		say(s.Out, "assay is ready at %s\n", r.URL)
		if r.Flagd != "" {
			say(s.Out, "flagd's sync protocol is served without keys at %s\n", r.Flagd)
		}
		if r.AdminKey != "" {
			say(s.Out, "Admin key (shown only now, keep it): %s\n", r.AdminKey)
		}
		trim()
	})
}
