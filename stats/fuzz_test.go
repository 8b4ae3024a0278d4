package stats_test

import (
	"encoding/binary"
	"math"
	"reflect"
	"testing"

	"github.com/assayhq/assay/stats"
	"github.com/assayhq/assay/stats/special"
)

// sound reports whether a result has a number that is none. Ends of one-sided and unbounded intervals, and what a field's comment says may
// be NaN or infinite, are listed in open.
func sound(v reflect.Value, open map[string]bool, name string) string {
	switch v.Kind() {
	case reflect.Float64:
		if x := v.Float(); !open[name] && (math.IsNaN(x) || math.IsInf(x, 0)) {
			return name
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				if bad := sound(v.Field(i), open, field.Name); bad != "" {
					return name + "." + bad
				}
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if bad := sound(v.Index(i), open, name); bad != "" {
				return bad
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return sound(v.Elem(), open, name)
		}
	}
	return ""
}

func result(t *testing.T, what string, v any, err error, open ...string) {
	t.Helper()
	if err != nil {
		return
	}
	names := map[string]bool{"DF": true}
	for _, name := range open {
		names[name] = true
	}
	if bad := sound(reflect.ValueOf(v), names, ""); bad != "" {
		t.Errorf("%s: %s is no number in %+v", what, bad, v)
	}
}

// FuzzNoResultIsNoNumber calls every comparison of arms with any numbers.
func FuzzNoResultIsNoNumber(f *testing.F) {
	f.Add(int64(10), int64(3), int64(12), int64(0), 1.0, 2.0, 3.0, 4.0, 0.05, []byte{1, 2, 3})
	f.Add(int64(0), int64(-1), int64(1), int64(2), math.Inf(1), math.NaN(), -1.0, 1e308, 0.0, []byte{})
	f.Add(int64(1<<62), int64(1<<61), int64(1<<40), int64(5), 1e308, 1e-308, -1e308, 5e-324, 1e-300, []byte{0xff, 0xf0})
	f.Add(int64(2), int64(1), int64(2), int64(1), 0.0, 0.0, 1.0, 1e-320, 0.999999, []byte{9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9})
	f.Fuzz(func(t *testing.T, n1, x1, n2, x2 int64, m1, v1, m2, v2, alpha float64, raw []byte) {
		if len(raw) > 400 {
			raw = raw[:400]
		}
		a, b := stats.Proportion{N: n1, X: x1}, stats.Proportion{N: n2, X: x2}
		for alternative := stats.TwoSided; alternative <= stats.Less; alternative++ {
			test := stats.Test{Alpha: alpha, Alternative: alternative, Null: m2}
			open := []string{"Low", "High"}
			if alternative == stats.TwoSided {
				open = nil
			}
			e, err := stats.WelchTest(stats.MomentsFrom(n1, m1, v1), stats.MomentsFrom(n2, m2, v2), test)
			result(t, "welch", e, err, open...)
			e, err = stats.ZTest(stats.Moments{N: n1, Mean: m1, M2: v1}, stats.Moments{N: n2, Mean: m2, M2: v2}, test)
			result(t, "z", e, err, open...)
			e, err = stats.PostStratify([]stats.Stratum{{stats.MomentsFrom(n1, m1, v1), stats.MomentsFrom(n2, m2, v2)}, {stats.MomentsFrom(9, v1, m1), stats.MomentsFrom(5, v2, 1)}}, test)
			result(t, "strata", e, err, open...)
			e, err = stats.CompareQuantiles(stats.OuterQuantile{N: n1, Star: x1, Value: m1, Lower: m1 - v1, Upper: v1}, stats.OuterQuantile{N: n2, Star: x2, Value: m2, Lower: v2, Upper: m2}, test)
			result(t, "quantiles", e, err, open...)
		}
		fuzzRates(t, a, b, alpha, m1, v1)
		fuzzColumns(t, raw, alpha)
		for _, x := range []float64{special.NormalSurvival(m1), special.BetaCDF(m1, v1, v2), special.StudentSurvival(m1, v1), special.BinomialCDF(m1, v1, v2), special.FSurvival(m1, v1, v2)} {
			if x < 0 || x > 1+1e-12 || math.IsInf(x, 0) {
				t.Errorf("a probability is %v (%v, %v, %v)", x, m1, v1, v2)
			}
		}
	})
}

func fuzzRates(t *testing.T, a, b stats.Proportion, alpha, exposureA, exposureB float64) {
	e, pooled, err := stats.TwoProportions(a, b, alpha)
	result(t, "rates", e, err)
	result(t, "pooled", pooled, err)
	i, err := a.Intervals(alpha)
	result(t, "rate", i, err)
	d, err := stats.RateDifference(a, b, alpha)
	result(t, "difference", d, err)
	if a.N < 1e7 && b.N < 1e7 {
		x, err := stats.Fisher(a, b)
		result(t, "fisher", x, err, "LnTwoSided")
		r, err := stats.CompareEvents(stats.Events{Count: a.X, Exposure: exposureA}, stats.Events{Count: b.X, Exposure: exposureB}, alpha)
		result(t, "events", r, err, "Ratio", "High")
	}
	c, err := stats.Independence([][]int64{{a.N, a.X}, {b.N, b.X}})
	result(t, "table", c, err)
	s, err := stats.SampleShares([]int64{a.N, b.N}, []float64{exposureA, exposureB})
	result(t, "shares", s, err)
	survey := func(p stats.Proportion) stats.NPS { return stats.NPS{Promoters: p.X, Passives: p.N, Detractors: 3} }
	n, err := stats.CompareNPS(survey(a), survey(b), stats.Test{Alpha: alpha})
	result(t, "survey", n, err)
	if rule, err := stats.FixedHorizon(alpha); err == nil {
		e, err := stats.ScoreProportions(a, b, rule)
		result(t, "score", e, err)
	}
	sa, errA := a.Sample()
	sb, errB := b.Sample()
	if errA == nil && errB == nil {
		l, err := stats.RelativeLift(sa, sb, alpha)
		result(t, "lift", l, err)
	}
}

// fuzzColumns makes values of bytes: small whole numbers, or any floats.
func fuzzColumns(t *testing.T, raw []byte, alpha float64) {
	var x, y, z []float64
	for len(raw) >= 3 {
		if raw[0] < 200 || len(raw) < 25 {
			x, y, z = append(x, float64(raw[0])), append(y, float64(raw[1])/4), append(z, float64(raw[2]))
			raw = raw[3:]
			continue
		}
		at := func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(raw[i:])) }
		x, y, z = append(x, at(1)), append(y, at(9)), append(z, at(17))
		raw = raw[25:]
	}
	half := len(x) / 2
	test := stats.Test{Alpha: alpha}
	a, errA := stats.CoSumsOf(x[:half], y[:half], z[:half])
	b, errB := stats.CoSumsOf(x[half:], y[half:], z[half:])
	if errA == nil && errB == nil {
		for how := stats.Together; how <= stats.PerArm; how++ {
			e, err := stats.CUPEDBy(how, a, b, test)
			result(t, "cuped", e, err)
		}
		ra, errA := a.Ratio(0, 1)
		rb, errB := b.Ratio(0, 1)
		result(t, "ratio", ra, errA)
		if errA == nil && errB == nil {
			e, err := stats.CompareRatios(ra, rb, test)
			result(t, "ratios", e, err)
		}
		e, err := stats.Welch(a.Moments(0), b.Moments(0), alpha)
		result(t, "welch of values", e, err)
	}
	m, err := stats.MannWhitney(x[:half], x[half:])
	result(t, "ranks", m, err, "PExact")
	q, err := stats.Quantile(x, 0.3, alpha)
	result(t, "quantile", q, err, "Low", "High")
	caps, err := stats.Percentiles{Lower: 0.1, Upper: 0.8, NonZero: len(x)%2 == 0}.Caps(x)
	result(t, "caps", caps, err, "Low", "High")
	if err == nil {
		capped, err := stats.Cap(caps, x[:half], x[half:])
		result(t, "capped", capped, err, "Low", "High")
	}
}
