package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/eventlog/pebblelog"
)

// closableLog is a log that a command has opened.
type closableLog interface {
	eventlog.Log
	io.Closer
}

// openPlace opens the log at a place: a data folder, or the connection string of an EventStoreDB server. create says whether
// a folder without a log gets one.
func openPlace(ctx context.Context, place string, create bool, s Streams) (closableLog, error) {
	if strings.Contains(place, "://") {
		return openRemote(ctx, place, s)
	}
	folder := filepath.Join(place, "log")
	if _, err := os.Stat(folder); err != nil && !create {
		return nil, fmt.Errorf("there is no log in the data folder %s; name the folder that assay serve --data was given: %w", place, err)
	}
	log, err := pebblelog.Open(folder, pebblelog.Options{Warn: func(text string) { say(s.Err, "warning: %s\n", text) }})
	if err != nil {
		return nil, fmt.Errorf("%w (a running server has its log to itself: use --url)", err)
	}
	return log, nil
}

// output opens the file to write to, stdout for "-"; done closes it and makes it durable, and removes it after a failure.
func output(name string, s Streams) (out io.Writer, done func(failed error) error, err error) {
	if name == "-" {
		return s.Out, func(failed error) error { return failed }, nil
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the file that was asked for
	if err != nil {
		return nil, nil, fmt.Errorf("the file %s cannot be made (an existing one is never overwritten): %w", name, err)
	}
	return file, func(failed error) error {
		if failed == nil {
			failed = file.Sync()
		}
		if err := file.Close(); failed == nil {
			failed = err
		}
		if failed != nil {
			_ = os.Remove(name) // half of it would be taken for the whole
		}
		return failed
	}, nil
}

// input opens a file to read, stdin for "-".
func input(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	file, err := os.Open(name) //nolint:gosec // the file that was asked for
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	return file, nil
}
