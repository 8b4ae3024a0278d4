package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxLine bounds one row; the server takes far less.
const maxLine = 1 << 20

// row is one row of a file: its item as JSON, or why it is none.
type row struct {
	line int64
	body json.RawMessage
	head head
	err  error
}

// head is what the importer itself needs to know of an item.
type head struct {
	Type string `json:"type"`
	TS   string `json:"ts"`
}

// rows yields the rows of a file; next returns io.EOF after the last. An error other than that ends the file.
type rows interface{ next() (row, error) }

// newRows finds out what the file is: gzip by its first bytes, CSV by its name or because it does not begin with '{'.
func newRows(name string, r io.Reader) (rows, error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	if magic, _ := buffered.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("%s begins like a gzip file but is none: %w", name, err)
		}
		buffered = bufio.NewReaderSize(unzipped, 1<<16)
	}
	if bom, _ := buffered.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		buffered.Discard(3) //nolint:errcheck,gosec // three bytes were just peeked
	}
	if isCSV(name, buffered) {
		return newCSVRows(name, buffered)
	}
	return &jsonRows{r: buffered}, nil
}

func isCSV(name string, r *bufio.Reader) bool {
	base := strings.TrimSuffix(strings.ToLower(name), ".gz")
	switch {
	case strings.HasSuffix(base, ".csv"):
		return true
	case strings.HasSuffix(base, ".jsonl"), strings.HasSuffix(base, ".ndjson"), strings.HasSuffix(base, ".json"):
		return false
	}
	start, _ := r.Peek(64)
	start = bytes.TrimLeft(start, " \t\r\n")
	return len(start) > 0 && start[0] != '{'
}

// jsonRows reads JSON Lines. Empty lines are no rows.
type jsonRows struct {
	r    *bufio.Reader
	line int64
}

func (j *jsonRows) next() (row, error) {
	for {
		text, tooLong, err := j.readLine()
		if err != nil {
			return row{line: j.line}, err
		}
		j.line++
		text = bytes.TrimSpace(text)
		if tooLong {
			return row{line: j.line, err: fmt.Errorf("the line is longer than %d bytes", maxLine)}, nil
		}
		if len(text) == 0 {
			continue
		}
		out := row{line: j.line, body: text}
		if err := json.Unmarshal(text, &out.head); err != nil {
			out.err = fmt.Errorf("the line is no JSON object: %w", err)
		}
		return out, nil
	}
}

// readLine returns the next line without its end. A line over maxLine is read to its end and thrown away.
func (j *jsonRows) readLine() (text []byte, tooLong bool, err error) {
	for {
		part, more, err := j.r.ReadLine()
		if err != nil {
			if errors.Is(err, io.EOF) && len(text) > 0 {
				return text, tooLong, nil
			}
			return nil, false, err
		}
		if len(text)+len(part) > maxLine {
			tooLong, text = true, text[:0]
		} else if !tooLong {
			text = append(text, part...)
		}
		if !more {
			if text == nil {
				text = []byte{}
			}
			return text, tooLong, nil
		}
	}
}

// csvRows reads CSV whose header names the fields of the items. A column "attributes" or "properties" holds a JSON object;
// a column "attributes.country" one attribute. An empty cell is an absent field.
type csvRows struct {
	r      *csv.Reader
	header []string
}

func newCSVRows(name string, r io.Reader) (*csvRows, error) {
	reader := csv.NewReader(r)
	reader.FieldsPerRecord = -1
	reader.ReuseRecord = true
	header, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("%s has no CSV header: %w", name, err)
	}
	c := &csvRows{r: reader}
	for _, h := range header {
		c.header = append(c.header, strings.TrimSpace(h))
	}
	return c, nil
}

func (c *csvRows) next() (row, error) {
	record, err := c.r.Read()
	if perr, ok := errors.AsType[*csv.ParseError](err); ok {
		return row{line: int64(perr.StartLine), err: fmt.Errorf("the record is no CSV: %w", perr.Err)}, nil
	}
	if err != nil {
		return row{}, err
	}
	line, _ := c.r.FieldPos(0)
	out := row{line: int64(line)}
	if len(record) != len(c.header) {
		out.err = fmt.Errorf("the record has %d fields, the header %d", len(record), len(c.header))
		return out, nil
	}
	object := map[string]any{}
	for i, cell := range record {
		if err := setCell(object, c.header[i], cell); err != nil {
			out.err = err
			return out, nil
		}
	}
	out.head.Type, _ = object["type"].(string)
	out.head.TS, _ = object["ts"].(string)
	out.body, out.err = json.Marshal(object)
	return out, nil
}

func setCell(object map[string]any, column, cell string) error {
	if cell == "" {
		return nil
	}
	outer, inner, nested := strings.Cut(column, ".")
	switch {
	case nested:
		group, ok := object[outer].(map[string]any)
		if !ok {
			group = map[string]any{}
			object[outer] = group
		}
		group[inner] = scalar(cell)
	case column == "attributes" || column == "properties":
		var group map[string]any
		if err := json.Unmarshal([]byte(cell), &group); err != nil {
			return fmt.Errorf("the column %s holds no JSON object: %w", column, err)
		}
		object[column] = group
	case column == "value":
		number, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			return fmt.Errorf("the column value holds %q, which is no number", cell)
		}
		object[column] = number
	default:
		object[column] = cell
	}
	return nil
}

// scalar reads a cell as the JSON scalar it looks like, else as text.
func scalar(cell string) any {
	switch cell {
	case "true":
		return true
	case "false":
		return false
	}
	if number, err := strconv.ParseFloat(cell, 64); err == nil && !strings.ContainsAny(cell, "xXnNiIpP_") {
		return number
	}
	return cell
}
