package report

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
)

// zone is a part of a row's scale that means something: the harm beyond a guardrail's margin, or the effects that reach the target.
type zone struct {
	class, text string
	edge        float64 // where it begins, as a relative difference
	above       bool    // it lies on the side of the larger effects
}

// zoneOf is the zone of a comparison; false where the plan names none, or where it has no place on a relative scale because the
// control's figure is 0.
func zoneOf(m analysis.Metric, e analysis.Effect) (zone, bool) {
	up := m.Direction == "increase"
	var amount experiment.Amount
	var out zone
	switch {
	case e.Guard != nil && e.Guard.Margin.Value > 0:
		amount, out = e.Guard.Margin, zone{class: "harm", above: !up, text: "worse than the margin allows"}
	case e.Target != nil:
		amount, out = e.Target.Target, zone{class: "goal", above: up, text: "reaches the target"}
	default:
		return zone{}, false
	}
	out.edge = amount.Value
	if amount.By == experiment.Absolute {
		control := math.NaN()
		for _, a := range m.Arms {
			if a.Variant == e.Control {
				control = math.Abs(a.Mean)
			}
		}
		out.edge /= control
	}
	if !out.above {
		out.edge = -out.edge
	}
	return out, !math.IsNaN(out.edge) && !math.IsInf(out.edge, 0)
}

// draw shades the zone behind its row.
func (z zone) draw(b *strings.Builder, y float64, x func(float64) float64) {
	from, to := x(z.edge), float64(plotRight)
	if !z.above {
		from, to = plotLeft, x(z.edge)
	}
	fmt.Fprintf(b, `<g class="%s"><title>%s: beyond %s</title>`, z.class, html.EscapeString(z.text), html.EscapeString(signed(percent(z.edge))))
	fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%d"/>`, from, y-rowHeight/2+2, to-from, rowHeight-4)
	fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/></g>`, x(z.edge), y-rowHeight/2+2, x(z.edge), y+rowHeight/2-2)
}

// legend says what the shades mean; empty when there are none.
func legend(rows []forestRow) string {
	var harm, goal bool
	for _, r := range rows {
		harm, goal = harm || r.zone != nil && r.zone.class == "harm", goal || r.zone != nil && r.zone.class == "goal"
	}
	switch {
	case harm && goal:
		return "shaded: effects that reach the target (solid edge), and harm beyond a guardrail's margin (dashed edge)"
	case harm:
		return "shaded, with a dashed edge: harm beyond a guardrail's margin"
	case goal:
		return "shaded, with a solid edge: effects that reach the target"
	}
	return ""
}
