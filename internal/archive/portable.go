package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/assayhq/assay/eventlog"
)

// PortableFormat is that of an exported log: JSON lines, the first this header, the last a trailer with the number of events
// and their chain, so that a file without one was cut short.
const PortableFormat = "assay-log/1"

// line is one line of an exported log. Data that is JSON stands as it is, byte for byte; other data as base64.
type line struct {
	Format     string            `json:"format,omitempty"`
	Stream     string            `json:"stream,omitempty"`
	Revision   eventlog.Revision `json:"revision"`
	ID         string            `json:"id,omitempty"`
	Type       string            `json:"type,omitempty"`
	RecordedAt *time.Time        `json:"recorded_at,omitempty"`
	Meta       map[string]string `json:"meta,omitempty"`
	Trimmed    *eventlog.Hash    `json:"trimmed,omitempty"` // the digest of an event without data
	Base64     []byte            `json:"data_base64,omitempty"`
	End        *Head             `json:"end,omitempty"`
	Data       json.RawMessage   `json:"data,omitempty"`
}

// Export writes the log as it is now, and returns its head.
func Export(ctx context.Context, log eventlog.Log, out io.Writer, progress func(int64)) (head Head, err error) {
	w := bufio.NewWriterSize(out, 1<<20)
	if err := writeLine(w, line{Format: PortableFormat}, nil); err != nil {
		return head, err
	}
	for e, err := range eventlog.Entries(ctx, log, 0) {
		if err != nil {
			return head, err
		}
		head.add(e)
		l := line{Stream: e.Stream, Revision: e.Revision, ID: e.ID.String(), Type: e.Type, RecordedAt: &e.RecordedAt, Meta: e.Meta}
		data := e.Data
		switch {
		case e.Trimmed:
			l.Trimmed = &e.Digest
		case len(data) > 0 && !plain(data):
			l.Base64, data = data, nil
		}
		if err := writeLine(w, l, data); err != nil {
			return head, err
		}
		progress(1)
	}
	if err := writeLine(w, line{End: &head}, nil); err != nil {
		return head, err
	}
	return head, w.Flush()
}

// plain tells whether data can stand in a line as it is and be read back byte for byte.
func plain(data []byte) bool {
	return json.Valid(data) && utf8.Valid(data) && !bytes.ContainsAny(data, "\n\r") && data[0] != ' ' && data[0] != '\t' &&
		data[len(data)-1] != ' ' && data[len(data)-1] != '\t' && !bytes.Equal(data, []byte("null"))
}

func writeLine(w *bufio.Writer, l line, data []byte) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	if len(data) > 0 { // the encoder would change it
		text = append(append(append(text[:len(text)-1], `,"data":`...), data...), '}')
	}
	w.Write(text) //nolint:errcheck,gosec // the next call returns the first error
	return w.WriteByte('\n')
}

// mostLine bounds a line: an event is at most eventlog.MaxAppendBytes, a third more as base64, and names are escaped.
const mostLine = 16 << 20

// Entries reads an exported log. The last thing it yields is an error when the file is cut short or not what it says.
func Entries(in io.Reader) iter.Seq2[eventlog.Entry, error] {
	return func(yield func(eventlog.Entry, error) bool) {
		lines := bufio.NewScanner(in)
		lines.Buffer(make([]byte, 1<<20), mostLine)
		var r lineReader
		for lines.Scan() {
			e, is, err := r.next(lines.Bytes())
			if err != nil {
				yield(e, fmt.Errorf("line %d of the file: %w", r.number, err))
				return
			}
			if is == theEnd || is == anEvent && !yield(e, nil) {
				return
			}
		}
		yield(eventlog.Entry{}, cutShort(lines.Err()))
	}
}

type lineKind int

const (
	theHeader lineKind = iota
	anEvent
	theEnd
)

// lineReader counts what it has read.
type lineReader struct {
	number int
	head   Head
}

func (r *lineReader) next(text []byte) (eventlog.Entry, lineKind, error) {
	r.number++
	e, end, err := readLine(text, r.number == 1)
	switch {
	case err != nil, r.number == 1:
		return e, theHeader, err
	case end != nil:
		return e, theEnd, end.differs(r.head)
	}
	r.head.add(e)
	e.Position = eventlog.Position(r.head.Events) //nolint:gosec // it counts
	return e, anEvent, nil
}

// differs says how the head of what was read is not this one, which the file ends with.
func (h *Head) differs(read Head) error {
	if h.Events == read.Events && h.Chain == read.Chain {
		return nil
	}
	return fmt.Errorf("the file is not as it was written: it has %d events with chain %v, its end says %d with %v", read.Events, read.Chain, h.Events, h.Chain)
}

func cutShort(err error) error {
	if err == nil {
		err = errors.New("the file is cut short: its last line, which says how many events there are, is missing")
	}
	return fmt.Errorf("reading the exported log: %w", err)
}

func readLine(text []byte, first bool) (e eventlog.Entry, end *Head, err error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return e, nil, fmt.Errorf("it is no line of an exported log: %w", err)
	}
	if first {
		if l.Format != PortableFormat {
			return e, nil, fmt.Errorf("the format is %q, this version of assay reads %s", l.Format, PortableFormat)
		}
		return e, nil, nil
	}
	if l.End != nil {
		return e, l.End, nil
	}
	if l.Stream == "" || l.RecordedAt == nil {
		return e, nil, errors.New("an event has a stream and the time when it was recorded")
	}
	e = eventlog.Entry{Recorded: eventlog.Recorded{Stream: l.Stream, Revision: l.Revision, RecordedAt: *l.RecordedAt}}
	if e.ID, err = eventlog.ParseID(l.ID); err != nil {
		return e, nil, err
	}
	e.Type, e.Meta, e.Data = l.Type, l.Meta, l.Data
	if l.Base64 != nil {
		e.Data = l.Base64
	}
	if l.Trimmed != nil {
		e.Trimmed, e.Digest = true, *l.Trimmed
		return e, nil, nil
	}
	e.Digest = eventlog.Digest(e.Stream, e.Event)
	return e, nil, nil
}

// Compress wraps out by the ending of the file's name: .gz, .zst or neither. The caller closes what it gets before the file.
func Compress(name string, out io.Writer) (io.WriteCloser, error) {
	switch {
	case strings.HasSuffix(name, ".gz"):
		return gzip.NewWriter(out), nil
	case strings.HasSuffix(name, ".zst"):
		return zstd.NewWriter(out)
	}
	return unwrapped{out}, nil
}

type unwrapped struct{ io.Writer }

// Close leaves the writer to whoever opened it.
func (unwrapped) Close() error { return nil }

// Expand undoes Compress by looking at the first bytes.
func Expand(in io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(in, 1<<16)
	start, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return gzip.NewReader(b)
	case bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(b)
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return b, nil
}
