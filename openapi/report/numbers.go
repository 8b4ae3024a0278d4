package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
)

const (
	minus = "−"
	dash  = "–"
	// space keeps a number and its unit on one line.
	space = "\u00a0"
)

// count writes a whole number in groups of three.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = minus, digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// significant writes x with the given number of significant digits, never in exponent form for everyday sizes.
func significant(x float64, digits int) string {
	switch {
	case x == 0:
		return "0"
	case math.IsNaN(x) || math.IsInf(x, 0):
		return dash
	}
	size := int(math.Floor(math.Log10(math.Abs(x))))
	var text string
	if size < -6 || size > 12 {
		text = strconv.FormatFloat(math.Abs(x), 'g', digits, 64)
	} else {
		text = strconv.FormatFloat(math.Abs(x), 'f', max(0, digits-1-size), 64)
	}
	if x < 0 {
		return minus + text
	}
	return text
}

// percent writes a share as a percentage with two decimals, more for tiny ones.
func percent(x float64) string {
	p := 100 * x
	if p != 0 && math.Abs(p) < 0.1 {
		return significant(p, 2) + space + "%"
	}
	text := strconv.FormatFloat(math.Abs(p), 'f', 2, 64)
	if p < 0 {
		text = minus + text
	}
	return text + space + "%"
}

// signed puts a plus before what is not negative.
func signed(text string) string {
	if strings.HasPrefix(text, minus) || text == "0" || text == dash {
		return text
	}
	return "+" + text
}

// pvalue writes a p value; one too small for a float comes from its logarithm.
func pvalue(p, lnP float64) string {
	switch {
	case p >= 0.001:
		return strconv.FormatFloat(p, 'f', 4, 64)
	case p > 0:
		return strconv.FormatFloat(p, 'e', 1, 64)
	default:
		exponent := lnP / math.Ln10
		whole := math.Floor(exponent)
		return fmt.Sprintf("%.1fe%d", math.Pow(10, exponent-whole), int64(whole))
	}
}

// compared is the metric as its differences are written: by ranks they are of a probability, whatever the values are counted in.
func compared(m analysis.Metric) analysis.Metric {
	if m.Test == string(experiment.MannWhitney) {
		m.Kind, m.Unit = "binary", ""
	}
	return m
}

// isShare reports whether a metric's figure is a share of units.
func isShare(m analysis.Metric) bool { return m.Kind == "binary" || m.Kind == "csat" }

// unitOf is what a metric's figure is counted in.
func unitOf(m analysis.Metric) string {
	switch {
	case m.Unit != "":
		return m.Unit
	case m.Kind == "nps":
		return "points"
	case m.Kind == "rate":
		return "a day"
	default:
		return ""
	}
}

// figure writes a metric's mean: a percentage for rates, else with its unit.
func figure(m analysis.Metric, x float64) string {
	if isShare(m) {
		return percent(x)
	}
	return withUnit(significant(x, 5), unitOf(m))
}

// difference writes an absolute difference: percentage points for rates, and for the probability that a comparison by ranks is about.
func difference(m analysis.Metric, x float64) string {
	if isShare(compared(m)) {
		return signed(strings.TrimSuffix(percent(x), space+"%")) + space + "pp"
	}
	return signed(withUnit(significant(x, 4), unitOf(m)))
}

func withUnit(text, unit string) string {
	if unit == "" {
		return text
	}
	return text + space + unit
}

func differenceRange(m analysis.Metric, i analysis.Interval) string {
	return difference(m, i.Low) + " to " + difference(m, i.High)
}

func relative(r *analysis.Relative) string {
	if r == nil {
		return dash
	}
	return signed(percent(r.Value))
}

func relativeRange(r *analysis.Relative) string {
	switch {
	case r == nil:
		return dash
	case r.Unbounded || r.Low == nil || r.High == nil:
		return "unbounded"
	default:
		return signed(percent(*r.Low)) + " to " + signed(percent(*r.High))
	}
}

func day(t time.Time) string {
	if t.IsZero() {
		return dash
	}
	return t.UTC().Format("2 January 2006")
}

func moment(t time.Time) string {
	if t.IsZero() {
		return dash
	}
	return t.UTC().Format("2 January 2006, 15:04 UTC")
}
