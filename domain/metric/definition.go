package metric

import (
	"math"
	"slices"

	"github.com/assayhq/assay/domain"
)

// satisfiedDefault is the lowest answer of five that counts as satisfied where a CSAT metric says nothing.
const satisfiedDefault = 4

// complete fills in the definition's defaults.
func complete(d Definition) Definition {
	switch d.Kind {
	case Ratio:
		if d.Numerator == "" {
			d.Numerator = CountOf
		}
		if d.Denominator == "" {
			d.Denominator = CountOf
		}
	case CSAT:
		if d.Satisfied == 0 {
			d.Satisfied = satisfiedDefault
		}
	case Binary, Count, Mean, Quantile, Rate, NPS:
	}
	return d
}

func checkDefinition(d Definition) error {
	if !slices.Contains(Kinds(), d.Kind) {
		return domain.Invalid("/kind", "the kind of a metric is binary, count, mean, ratio, quantile, rate, nps or csat, not %q", d.Kind).WithCode("unknown_kind")
	}
	switch d.Direction {
	case Increase, Decrease:
	default:
		return domain.Invalid("/direction", "the direction of a metric is increase or decrease, whichever is good, not %q", d.Direction).WithCode("unknown_direction")
	}
	if err := domain.CheckText("/event", "event name", d.Event, true, maxEvent); err != nil {
		return err
	}
	if d.WindowSeconds < 0 || d.WindowSeconds > MaxWindowSeconds {
		return domain.Invalid("/window_seconds", "the window must be 0 (no end) to %d seconds, not %d", MaxWindowSeconds, d.WindowSeconds).WithCode("window_out_of_range")
	}
	if err := domain.CheckText("/unit", "unit", d.Unit, false, maxUnit); err != nil {
		return err
	}
	for _, check := range []func(Definition) error{checkRatio, checkNumbers, checkWinsorize, checkCovariate} {
		if err := check(d); err != nil {
			return err
		}
	}
	return checkMargin(d.Margin)
}

func checkRatio(d Definition) error {
	if d.Kind != Ratio {
		if d.Numerator != "" || d.Denominator != "" || d.DenominatorEvent != "" {
			return domain.Invalid("/denominator_event", "only a ratio has a numerator and a denominator; leave them out of a metric of kind %s", d.Kind).WithCode("not_a_ratio")
		}
		return nil
	}
	if d.Numerator != CountOf && d.Numerator != SumOf {
		return domain.Invalid("/numerator", "a part of a ratio is a count or a sum, not %q", d.Numerator).WithCode("unknown_total")
	}
	if d.Denominator != CountOf && d.Denominator != SumOf {
		return domain.Invalid("/denominator", "a part of a ratio is a count or a sum, not %q", d.Denominator).WithCode("unknown_total")
	}
	return domain.CheckText("/denominator_event", "event name of the denominator", d.DenominatorEvent, true, maxEvent)
}

func checkNumbers(d Definition) error {
	if d.Kind == Quantile && !(d.Quantile > 0 && d.Quantile < 1) {
		return domain.Invalid("/quantile", "a quantile metric needs a quantile between 0 and 1, such as 0.95, not %v", d.Quantile).WithCode("quantile_out_of_range")
	}
	if d.Kind != Quantile && d.Quantile != 0 {
		return domain.Invalid("/quantile", "only a metric of kind quantile has a quantile; leave it out").WithCode("not_a_quantile")
	}
	if d.Kind != CSAT && d.Satisfied != 0 {
		return domain.Invalid("/satisfied", "only a metric of kind csat has an answer from which on a unit is satisfied; leave it out").WithCode("not_a_csat")
	}
	if !finite(d.Satisfied) {
		return domain.Invalid("/satisfied", "the lowest satisfied answer must be a finite number").WithCode("not_finite")
	}
	return nil
}

func checkWinsorize(d Definition) error {
	w := d.Winsorize
	if w == (Winsorize{}) {
		return nil
	}
	if d.Kind != Mean && d.Kind != Count {
		return domain.Invalid("/winsorize", "only a mean or a count can be winsorized; leave it out of a metric of kind %s", d.Kind).WithCode("cannot_winsorize")
	}
	if err := checkCap("/winsorize/lower", w.Lower); err != nil {
		return err
	}
	if err := checkCap("/winsorize/upper", w.Upper); err != nil {
		return err
	}
	if w.Lower.By != "" && w.Lower.By == w.Upper.By && w.Lower.At >= w.Upper.At {
		return domain.Invalid("/winsorize", "the lower cap %v must lie below the upper cap %v", w.Lower.At, w.Upper.At).WithCode("caps_cross")
	}
	return nil
}

func checkCap(pointer string, c Cap) error {
	switch {
	case c == (Cap{}):
		return nil
	case c.By != ByValue && c.By != ByPercentile:
		return domain.Invalid(pointer+"/by", "a cap is given by value or by percentile, not by %q", c.By).WithCode("unknown_cap")
	case c.By == ByPercentile && !(c.At > 0 && c.At < 100):
		return domain.Invalid(pointer+"/at", "the percentile of a cap lies between 0 and 100, not at %v", c.At).WithCode("cap_out_of_range")
	case !finite(c.At):
		return domain.Invalid(pointer+"/at", "a cap must be a finite number").WithCode("not_finite")
	}
	return nil
}

func checkCovariate(d Definition) error {
	if d.CovariateDays < 0 || d.CovariateDays > MaxCovariateDays {
		return domain.Invalid("/covariate_days", "the covariate looks back 0 (none) to %d days, not %d", MaxCovariateDays, d.CovariateDays).WithCode("covariate_out_of_range")
	}
	if d.CovariateDays > 0 && d.Kind != Binary && d.Kind != Count && d.Kind != Mean {
		return domain.Invalid("/covariate_days", "a covariate is for a binary, count or mean metric; leave it out of a metric of kind %s", d.Kind).WithCode("cannot_adjust")
	}
	if d.CovariateDays == 0 && d.CovariateEvent != "" {
		return domain.Invalid("/covariate_days", "say how many days before the first exposure the covariate event %q is looked for", d.CovariateEvent).WithCode("missing")
	}
	return domain.CheckText("/covariate_event", "event name of the covariate", d.CovariateEvent, false, maxEvent)
}

func checkMargin(m Amount) error {
	switch {
	case m == (Amount{}):
		return nil
	case m.By != Relative && m.By != Absolute:
		return domain.Invalid("/margin/by", "a margin is relative or absolute, not %q", m.By).WithCode("unknown_amount")
	case !(m.Value >= 0) || !finite(m.Value) || m.By == Relative && m.Value >= 1:
		return domain.Invalid("/margin/value", "a margin is a number from 0, and below 1 when it is relative, not %v; the direction says which way is worse", m.Value).WithCode("margin_out_of_range")
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
