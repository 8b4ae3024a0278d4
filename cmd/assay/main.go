// Command assay is feature flags, A/B experiments and MVP rollouts on one event log: a server, and the commands that talk to
// one. See assay help.
package main

import (
	"context"
	"os"

	"github.com/assayhq/assay/internal/app"
)

func main() {
	info, err := os.Stderr.Stat()
	interactive := err == nil && info.Mode()&os.ModeCharDevice != 0
	os.Exit(app.Main(context.Background(), os.Args[1:], app.Streams{
		Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Interactive: interactive,
	}))
}
