package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"

	"github.com/assayhq/assay/internal/analysis"
)

//go:embed report.gohtml
var pageSource string

// page is parsed once; its functions only format.
var page = template.Must(template.New("report").Funcs(template.FuncMap{ //nolint:gochecknoglobals // a compiled constant
	"count": count, "percent": percent, "figure": figure, "difference": difference, "differenceRange": differenceRange,
	"relative": relative, "relativeRange": relativeRange, "pvalue": pvalue, "day": day, "moment": moment,
	"significant": significant, "interval": intervalText, "share": share,
	"amended": amended, "weighed": weighed, "loss": loss, "banditRemarks": banditRemarks, "unitsOf": unitsOf, "unitOfSplit": unitOfSplit, "segmentRemarks": segmentRemarks,
}).Parse(pageSource))

// pageData is the result with what the page shows beside it.
type pageData struct {
	analysis.Result
	Forest     template.HTML
	Level      string
	Period     string
	Notes      []string
	TotalUnits int64
	Word       string
	Effects    []map[string]analysis.Effect // per metric, by variant
	Remarks    [][]string                   // per metric
	Looked     []string
	Checks     []analysis.Check
	Methods    []string
}

func renderHTML(r analysis.Result) ([]byte, error) {
	data := pageData{Result: r, Forest: forest(r), Level: percentLevel(r), Period: period(r), Notes: notes(r), Word: outcomeWord(r.Verdict.Outcome), Looked: looked(r), Checks: checks(r), Methods: methods(r)}
	for _, a := range r.Arms {
		data.TotalUnits += a.Units
	}
	for _, m := range r.Metrics {
		data.Effects = append(data.Effects, effectsByVariant(m))
		data.Remarks = append(data.Remarks, remarks(r, m))
	}
	var b bytes.Buffer
	if err := page.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("rendering the report: %w", err)
	}
	return b.Bytes(), nil
}

func outcomeWord(o analysis.Outcome) string {
	switch o {
	case analysis.Ship:
		return "Ship"
	case analysis.DoNotShip:
		return "Don't ship"
	case analysis.NotEnough:
		return "Not enough data yet"
	case analysis.DoNotTrust:
		return "Do not trust"
	default:
		return "No clear difference"
	}
}

func intervalText(m analysis.Metric, i *analysis.Interval) string {
	if i == nil {
		return dash
	}
	return figure(m, i.Low) + " to " + figure(m, i.High)
}
