package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"github.com/assayhq/assay/internal/analysis"
)

// The forest plot's measures in user units of its view box.
const (
	plotWidth  = 860
	plotLeft   = 250 // where the scale begins
	plotRight  = 610 // where it ends
	rowHeight  = 30
	plotTop    = 14
	axisHeight = 40
	// legendHeight is that of the line that explains the shades.
	legendHeight = 18
)

// forestRow is one comparison: a relative effect and its interval.
type forestRow struct {
	label, text      string
	value, low, high float64
	open             bool // the interval is unbounded
	primary, certain bool
	zone             *zone // shaded behind the row; nil: none
}

// forest draws the relative effects of all comparisons with their intervals on one scale. Shape and word carry the
// meaning: a diamond is the primary metric, a filled mark an interval that excludes 0. What lies beyond a guardrail's margin and beyond the
// target is shaded.
func forest(r analysis.Result) template.HTML {
	rows := forestRows(r)
	if len(rows) == 0 {
		return ""
	}
	low, high := forestScale(rows)
	x := func(v float64) float64 {
		at := plotLeft + (v-low)/(high-low)*(plotRight-plotLeft)
		return math.Max(plotLeft, math.Min(plotRight, at))
	}
	height := plotTop + len(rows)*rowHeight + axisHeight
	shades := legend(rows)
	if shades != "" {
		height += legendHeight
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="forest" role="img" aria-labelledby="forest-title forest-desc" viewBox="0 0 %d %d">`, plotWidth, height)
	fmt.Fprintf(&b, `<title id="forest-title">Relative effects with %s intervals</title>`, html.EscapeString(percentLevel(r)))
	b.WriteString(`<desc id="forest-desc">One row per metric and arm: the relative difference to the control and its interval. The table holds the same numbers.</desc>`)
	bottom := float64(plotTop + len(rows)*rowHeight)
	for _, tick := range ticks(low, high) {
		class := "grid"
		if tick == 0 {
			class = "zero"
		}
		fmt.Fprintf(&b, `<line class="%s" x1="%.1f" y1="%d" x2="%.1f" y2="%.1f"/>`, class, x(tick), plotTop, x(tick), bottom)
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%.1f">%s</text>`, x(tick), bottom+18, html.EscapeString(tickLabel(tick)))
	}
	fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%.1f">relative difference to the control</text>`, float64(plotLeft+plotRight)/2, bottom+34)
	if shades != "" {
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%.1f">%s</text>`, float64(plotLeft+plotRight)/2, bottom+34+legendHeight, html.EscapeString(shades))
	}
	for i, row := range rows {
		if row.zone != nil {
			row.zone.draw(&b, float64(plotTop+i*rowHeight)+rowHeight/2, x)
		}
		drawRow(&b, row, float64(plotTop+i*rowHeight)+rowHeight/2, x)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // every text in it went through html.EscapeString
}

func drawRow(b *strings.Builder, row forestRow, y float64, x func(float64) float64) {
	class := "unclear"
	if row.certain {
		class = "clear"
	}
	fmt.Fprintf(b, `<g class="%s"><title>%s: %s</title>`, class, html.EscapeString(row.label), html.EscapeString(row.text))
	fmt.Fprintf(b, `<text class="label" x="%d" y="%.1f">%s</text>`, plotLeft-14, y+4, html.EscapeString(shorten(row.label, 36)))
	if row.open {
		fmt.Fprintf(b, `<line class="open" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>`, plotLeft, y, plotRight, y)
	} else {
		fmt.Fprintf(b, `<line class="range" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, x(row.low), y, x(row.high), y)
	}
	at := x(row.value)
	if row.primary {
		fmt.Fprintf(b, `<path class="mark" d="M%.1f %.1f l7 7 l-7 7 l-7 -7 z"/>`, at, y-7)
	} else {
		fmt.Fprintf(b, `<circle class="mark" cx="%.1f" cy="%.1f" r="5"/>`, at, y)
	}
	fmt.Fprintf(b, `<text class="value" x="%d" y="%.1f">%s</text></g>`, plotRight+14, y+4, html.EscapeString(row.text))
}

func forestRows(r analysis.Result) []forestRow {
	var rows []forestRow
	for _, m := range r.Metrics {
		for _, e := range m.Comparisons {
			if e.Relative == nil {
				continue
			}
			row := forestRowOf(m, e)
			if len(r.Arms) > 2 {
				row.label = m.Name + ": " + e.Variant
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func forestRowOf(m analysis.Metric, e analysis.Effect) forestRow {
	row := forestRow{
		label: m.Name, value: e.Relative.Value, primary: m.Role == analysis.Primary, certain: e.Word != analysis.Unclear,
		text: relative(e.Relative) + " (" + relativeRange(e.Relative) + ")",
	}
	if z, ok := zoneOf(m, e); ok {
		row.zone = &z
	}
	if e.Relative.Low == nil || e.Relative.High == nil || e.Relative.Unbounded {
		row.open = true
	} else {
		row.low, row.high = *e.Relative.Low, *e.Relative.High
	}
	return row
}

// forestScale spans 0, all bounded intervals and the edges of the shades with a little air.
func forestScale(rows []forestRow) (low, high float64) {
	for _, r := range rows {
		if !r.open {
			low, high = math.Min(low, r.low), math.Max(high, r.high)
		}
		low, high = math.Min(low, r.value), math.Max(high, r.value)
		if r.zone != nil {
			low, high = math.Min(low, r.zone.edge), math.Max(high, r.zone.edge)
		}
	}
	if high-low < 1e-9 {
		low, high = -0.01, 0.01
	}
	air := (high - low) * 0.05
	return low - air, high + air
}

// ticks are four to eight round numbers within the scale, 0 among them.
func ticks(low, high float64) []float64 {
	raw := (high - low) / 6
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if step*factor >= raw {
			step *= factor
			break
		}
	}
	var out []float64
	for i := math.Ceil(low / step); i*step <= high; i++ {
		out = append(out, i*step)
	}
	return out
}

func tickLabel(v float64) string {
	if v == 0 {
		return "0"
	}
	text := significant(math.Abs(100*v), 2)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	text += space + "%"
	if v < 0 {
		return minus + text
	}
	return "+" + text
}

func shorten(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}
