package analysis

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/assayhq/assay/domain/experiment"
)

// Running is the strongest evidence so far of a comparison that is valid at every moment: over the recorded readings and the result
// itself. Because all of them are valid together, the smallest p is a p value, which never goes up again, and what all ranges have in
// common is a range at the same level (R. Johari, L. Pekelis and D. Walsh, arXiv 1512.04922, section 3).
type Running struct {
	P   float64 `json:"p_value"`
	LnP float64 `json:"ln_p_value"`
	// Look is the recorded reading at which it was reached, 0 for the result itself; Position is that of its facts, At when it was taken.
	Look     int       `json:"look,omitempty"`
	Position string    `json:"position"`
	At       time.Time `json:"at,omitzero"`
	// Moments is of how many it is the smallest.
	Moments int `json:"moments"`
	// Interval is what the intervals have in common: of the result, and of the readings that made theirs at no larger an error
	// probability. Nil when they have nothing in common, which says that the effect was not the same all the time.
	Interval *Interval `json:"interval,omitempty"`
	// CrossedAtLook is the first reading at which the comparison counted after the correction; 0: none.
	CrossedAtLook int    `json:"crossed_at_look,omitempty"`
	Sentence      string `json:"sentence"`
}

// run adds what was shown so far to the comparisons of the primary metric, where the method is valid at every moment.
func (a *analyst) run(r *Result) {
	if !a.rules.Method.AlwaysValid() || len(r.Metrics) == 0 {
		return
	}
	primary := &r.Metrics[0]
	for i := range primary.Comparisons {
		if e := &primary.Comparisons[i]; e.Problem == "" && e.Difference != nil {
			e.Running = a.running(primary.Key, *e, r.Position)
		}
	}
}

func (a *analyst) running(metric string, e Effect, position string) *Running {
	level := a.rules.Alpha
	if e.Level != nil {
		level = *e.Level
	}
	out := Running{P: e.P, LnP: e.LnP, Position: position, Moments: 1}
	common := e.Difference.Interval
	for _, reading := range a.in.Experiment.Readings {
		i := slices.IndexFunc(reading.Comparisons, func(c experiment.Compared) bool {
			return string(c.Metric) == metric && string(c.Variant) == e.Variant
		})
		if i < 0 {
			continue
		}
		c := reading.Comparisons[i]
		if c.Level > 0 && c.Level <= level*(1+1e-12) {
			common.Low, common.High = math.Max(common.Low, c.Low), math.Min(common.High, c.High)
		}
		out.take(reading, c)
	}
	if common.Low <= common.High {
		out.Interval = &common
	}
	out.Sentence = out.sentence()
	return &out
}

// take takes what a reading saw into account.
func (r *Running) take(reading experiment.Reading, c experiment.Compared) {
	r.Moments++
	if c.Crossed && r.CrossedAtLook == 0 {
		r.CrossedAtLook = reading.Look
	}
	if ln := lnPOf(c); ln < r.LnP {
		r.P, r.LnP, r.Look, r.At = c.P, ln, reading.Look, reading.At
		r.Position = strconv.FormatUint(reading.Position, 10)
	}
}

// lnPOf is the logarithm of a recorded p value. Readings of older versions have p alone, which may have been too small to be written.
func lnPOf(c experiment.Compared) float64 {
	if c.LnP != 0 {
		return c.LnP
	}
	return math.Log(math.Max(c.P, math.SmallestNonzeroFloat64))
}

func (r Running) sentence() string {
	switch {
	case r.Moments == 1:
		return "No look was recorded before, so the smallest p so far is that of now."
	case r.Look == 0:
		return fmt.Sprintf("The p of now is the smallest of %d.", r.Moments)
	default:
		return fmt.Sprintf("The smallest p of %d was reached at look %d on %s; it counts as well, because the method is valid at every moment, and it never goes up again.", r.Moments, r.Look, r.At.UTC().Format("2 January 2006"))
	}
}

// wasClear tells of a comparison that is no longer clear and once was. Later data do not take back what an always-valid test has shown;
// they may say that the effect does not stay.
func wasClear(primary Metric) string {
	for _, e := range primary.Comparisons {
		if e.Running != nil && e.Word == Unclear && e.Running.CrossedAtLook > 0 {
			return fmt.Sprintf(" At look %d %s was clear in %s; that it no longer is may mean that the effect does not stay.", e.Running.CrossedAtLook, e.Variant, primary.Name)
		}
	}
	return ""
}
