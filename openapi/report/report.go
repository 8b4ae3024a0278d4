// Package report tells one analysis result: as a self-contained HTML page for a review, as text for a terminal, and as JSON
// for programs. It computes nothing; every number in it stands in the analysis.Result it was given, and the same result
// always gives the same bytes.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/assayhq/assay/internal/analysis"
)

// Format is how a report is told.
type Format string

// The formats.
const (
	HTML Format = "html"
	Text Format = "text"
	JSON Format = "json"
)

// ContentType returns the media type of a format.
func (f Format) ContentType() string {
	switch f {
	case HTML:
		return "text/html; charset=utf-8"
	case JSON:
		return "application/json"
	default:
		return "text/plain; charset=utf-8"
	}
}

// Render tells the result in a format. An unknown format is an error that names the known ones.
func Render(result analysis.Result, format Format) ([]byte, error) {
	switch format {
	case HTML:
		return renderHTML(result)
	case Text:
		return renderText(result), nil
	case JSON:
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(result); err != nil {
			return nil, fmt.Errorf("encoding the report: %w", err)
		}
		return out.Bytes(), nil
	default:
		return nil, fmt.Errorf("there is no report format %q; choose html, text or json", format)
	}
}
