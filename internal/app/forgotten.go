package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// forgotten remembers, beside the facts, which trimmed streams they hold nothing of any more. Any node of a cluster may have
// trimmed a stream; each has to fold its own facts anew afterwards, once, also when it was stopped in between.
type forgotten struct {
	file    string
	streams []string
}

func openForgotten(file string) (*forgotten, error) {
	f := &forgotten{file: file}
	text, err := os.ReadFile(file) //nolint:gosec // a file of our own
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &f.streams)
	}
	if err != nil {
		return nil, fmt.Errorf("the file %s cannot be read; remove it, and the facts are folded once more than needed: %w", file, err)
	}
	return f, nil
}

func (f *forgotten) has(stream string) bool {
	_, found := slices.BinarySearch(f.streams, stream)
	return found
}

// add remembers more of them durably.
func (f *forgotten) add(streams []string) error {
	all := slices.Concat(f.streams, streams)
	slices.Sort(all)
	all = slices.Compact(all)
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("remembering what was trimmed: %w", err)
	}
	// Half a file would keep the server from starting.
	half := f.file + ".new"
	if err := os.WriteFile(half, text, 0o600); err != nil {
		return fmt.Errorf("remembering what was trimmed: %w", err)
	}
	if err := os.Rename(half, f.file); err != nil {
		return fmt.Errorf("remembering what was trimmed: %w", err)
	}
	f.streams = all
	return nil
}
