package analysis

import (
	"errors"
	"math"

	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/projections/facts"
	"github.com/assayhq/assay/stats"
)

// cap sets the values beyond the metric's caps to them. The caps were fixed before the experiment began; a percentile is taken from
// the units of all arms together, so that it makes no difference between them. A cap that leaves nothing is refused.
func (p *prepared) cap(u *facts.Units) error {
	w := p.d.Winsorize
	if w == (metric.Winsorize{}) {
		return nil
	}
	caps := stats.Uncapped()
	if err := capAt(&caps, w, p.value); err != nil {
		return err
	}
	if caps.Low > caps.High {
		return errors.New("the lower cap lies above the upper one, so nothing is left between them; make a metric with other caps")
	}
	out := make([]float64, len(p.value))
	before, after := math.NaN(), math.NaN()
	varied, varies := false, false
	p.capped = &Capped{Units: make([]int64, maxArm(u)+1)}
	for i, v := range p.value {
		out[i] = caps.Of(v)
		if out[i] != v {
			p.capped.Units[u.Arm[i]]++
		}
		if i == 0 {
			before, after = v, out[i]
		}
		varied, varies = varied || v != before, varies || out[i] != after
	}
	if varied && !varies {
		return errors.New("capped as the metric says, every unit has the same value, so nothing is left of it; make a metric with a higher cap")
	}
	if finite(caps.Low) {
		p.capped.Lower = &caps.Low
	}
	if finite(caps.High) {
		p.capped.Upper = &caps.High
	}
	p.value = out
	return nil
}

func capAt(caps *stats.Caps, w metric.Winsorize, values []float64) error {
	percentiles := stats.Percentiles{}
	switch w.Lower.By {
	case metric.ByValue:
		caps.Low = w.Lower.At
	case metric.ByPercentile:
		percentiles.Lower = w.Lower.At / 100
	}
	switch w.Upper.By {
	case metric.ByValue:
		caps.High = w.Upper.At
	case metric.ByPercentile:
		percentiles.Upper = w.Upper.At / 100
	}
	if percentiles == (stats.Percentiles{}) {
		return nil
	}
	found, err := percentiles.Caps(values)
	if percentiles.Lower > 0 {
		caps.Low = found.Low
	}
	if percentiles.Upper > 0 {
		caps.High = found.High
	}
	return err
}

func maxArm(u *facts.Units) int {
	highest := 0
	for _, arm := range u.Arm {
		highest = max(highest, int(arm))
	}
	return highest
}
