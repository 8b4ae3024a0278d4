package stats_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

// unit is a row of a drawn experiment: a metric, a denominator and a covariate.
type unit struct{ y, x, before float64 }

func drawUnits(r *rapid.T, name string) []unit {
	return rapid.SliceOfN(rapid.Custom(func(r *rapid.T) unit {
		before := float64(rapid.IntRange(-40, 40).Draw(r, "before"))
		return unit{
			y: before/2 + float64(rapid.IntRange(-60, 100).Draw(r, "y")), x: float64(rapid.IntRange(1, 9).Draw(r, "x")), before: before,
		}
	}), 3, 40).Draw(r, name)
}

func column(units []unit, of func(unit) float64) []float64 {
	out := make([]float64, len(units))
	for i, u := range units {
		out[i] = of(u)
	}
	return out
}

func metricOf(u unit) float64 { return u.y }

// estimators are all comparisons that give an Effect, from two arms of units.
func estimators() map[string]func(a, b []unit, t stats.Test) (stats.Effect, error) {
	sums := func(units []unit) *stats.CoSums {
		s, _ := stats.CoSumsOf(column(units, metricOf), column(units, func(u unit) float64 { return u.x }), column(units, func(u unit) float64 { return u.before }))
		return s
	}
	rate := func(units []unit) stats.Proportion {
		p := stats.Proportion{N: int64(len(units))}
		for _, u := range units {
			if u.y > 20 {
				p.X++
			}
		}
		return p
	}
	return map[string]func(a, b []unit, t stats.Test) (stats.Effect, error){
		"welch": func(a, b []unit, t stats.Test) (stats.Effect, error) {
			return stats.WelchTest(sums(a).Moments(0), sums(b).Moments(0), t)
		},
		"z": func(a, b []unit, t stats.Test) (stats.Effect, error) {
			return stats.ZTest(sums(a).Moments(0), sums(b).Moments(0), t)
		},
		"rates": func(a, b []unit, t stats.Test) (stats.Effect, error) {
			sa, errA := rate(a).Sample()
			sb, errB := rate(b).Sample()
			if errA != nil || errB != nil {
				return stats.Effect{}, errA
			}
			return stats.NewEffect("rates", sa, sb, math.Inf(1), t)
		},
		"ratio": func(a, b []unit, t stats.Test) (stats.Effect, error) {
			ra, errA := sums(a).Ratio(0, 1)
			rb, errB := sums(b).Ratio(0, 1)
			if errA != nil || errB != nil {
				return stats.Effect{}, errA
			}
			return stats.CompareRatios(ra, rb, t)
		},
		"cuped": func(a, b []unit, t stats.Test) (stats.Effect, error) {
			e, err := stats.CUPED(sums(a).Select(0, 2), sums(b).Select(0, 2), t)
			return e.Effect, err
		},
		"cuped with two covariates": func(a, b []unit, t stats.Test) (stats.Effect, error) {
			e, err := stats.CUPEDBy(stats.WithinArms, sums(a), sums(b), t)
			return e.Effect, err
		},
		"quantile": func(a, b []unit, t stats.Test) (stats.Effect, error) {
			qa, errA := stats.OuterQuantileOf(column(a, metricOf), 0.6)
			qb, errB := stats.OuterQuantileOf(column(b, metricOf), 0.6)
			if errA != nil || errB != nil {
				return stats.Effect{}, errA
			}
			return stats.CompareQuantiles(qa, qb, t)
		},
		"survey": func(a, b []unit, t stats.Test) (stats.Effect, error) {
			nps := func(units []unit) (s stats.NPS) {
				for _, u := range units {
					switch {
					case u.y > 40:
						s.Promoters++
					case u.y > 0:
						s.Passives++
					default:
						s.Detractors++
					}
				}
				return s
			}
			return stats.CompareNPS(nps(a), nps(b), t)
		},
		"strata": func(a, b []unit, t stats.Test) (stats.Effect, error) {
			part := func(units []unit, even bool) stats.Moments {
				var v []float64
				for _, u := range units {
					if (int(u.before)%2 == 0) == even {
						v = append(v, u.y)
					}
				}
				return stats.MomentsOf(v)
			}
			return stats.PostStratify([]stats.Stratum{{Control: part(a, true), Treatment: part(b, true)}, {Control: part(a, false), Treatment: part(b, false)}}, t)
		},
	}
}

// rules are the other ways to judge an effect at error probability alpha.
func rules(r *rapid.T, alpha float64, e stats.Effect) []stats.Rule {
	take := func(rule stats.Rule, err error) stats.Rule {
		if err != nil {
			r.Fatal(err)
		}
		return rule
	}
	n, rho := rapid.Float64Range(10, 1e6).Draw(r, "n"), rapid.Float64Range(0.01, 1).Draw(r, "rho")
	if e.Alternative != stats.TwoSided {
		return []stats.Rule{take(stats.FixedHorizonOneSided(alpha)), take(stats.ConfidenceSequenceOneSided(n, rho, alpha))}
	}
	return []stats.Rule{
		take(stats.FixedHorizon(alpha)), take(stats.ConfidenceSequence(n, rho, alpha)), take(stats.Mixture(e.SE*e.SE, e.SE*e.SE*rho, alpha)),
	}
}

func TestEveryEffectAgreesWithItself(t *testing.T) {
	all := estimators()
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom(namesOf(all)).Draw(r, "estimator")
		alpha := rapid.Float64Range(0.0005, 0.4).Draw(r, "alpha")
		test := stats.Test{Alpha: alpha, Alternative: stats.Alternative(rapid.IntRange(0, 2).Draw(r, "alternative"))}
		e, err := all[name](drawUnits(r, "a"), drawUnits(r, "b"), test)
		if err != nil {
			return
		}
		effects := []stats.Effect{e}
		for _, rule := range rules(r, alpha, e) {
			judged, err := e.Under(rule)
			if err != nil {
				r.Fatal(err)
			}
			effects = append(effects, judged)
		}
		for _, e := range effects {
			agrees(r, name, e, alpha)
		}
	})
}

// agrees holds that p, the interval and the relative interval say the same of an effect.
func agrees(r *rapid.T, name string, e stats.Effect, alpha float64) {
	directed := math.Abs(e.Statistic)
	switch e.Alternative {
	case stats.Greater:
		directed = e.Statistic
	case stats.Less:
		directed = -e.Statistic
	}
	if math.Abs(directed-e.Critical) < 1e-9*(1+e.Critical) {
		return // on the edge, rounding decides
	}
	excludes := e.Low > 0 || e.High < 0
	if significant := e.LnP < math.Log(alpha); significant != excludes || significant != e.Significant() {
		r.Fatalf("%s: p %v at %v, significant %v, but the interval is %v to %v", name, e.P, alpha, e.Significant(), e.Low, e.High)
	}
	if f := e.Relative; f != nil && !f.Unbounded && excludes != (f.Low > 0 || f.High < 0) {
		r.Fatalf("%s: p %v at %v, but the relative interval is %v to %v", name, e.P, alpha, f.Low, f.High)
	}
	if math.Abs(e.LnP-math.Log(e.P)) > 1e-8*(1+math.Abs(e.LnP)) && e.P > 1e-300 {
		r.Fatalf("%s: p %v, ln p %v", name, e.P, e.LnP)
	}
	if e.Low > e.Difference || e.High < e.Difference || math.IsNaN(e.Low+e.High) && e.Alternative == stats.TwoSided {
		r.Fatalf("%s: %v lies outside %v to %v", name, e.Difference, e.Low, e.High)
	}
}

func namesOf[V any](m map[string]V) []string {
	var out []string
	for _, name := range []string{"welch", "z", "rates", "ratio", "cuped", "cuped with two covariates", "quantile", "survey", "strata"} {
		if _, ok := m[name]; ok {
			out = append(out, name)
		}
	}
	return out
}

func TestSwappingTheArmsFlipsEverySign(t *testing.T) {
	all := estimators()
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom(namesOf(all)).Draw(r, "estimator")
		a, b := drawUnits(r, "a"), drawUnits(r, "b")
		x, errX := all[name](a, b, stats.Test{Alpha: 0.05})
		y, errY := all[name](b, a, stats.Test{Alpha: 0.05})
		if (errX == nil) != (errY == nil) {
			r.Fatalf("%s: %v, but %v", name, errX, errY)
		}
		if errX == nil && (!close(x.Difference, -y.Difference, x.SE) || !close(x.P, y.P, 1) || !close(x.Low, -y.High, x.SE)) {
			r.Fatalf("%s: %+v, but %+v", name, x, y)
		}
	})
}

// close compares to nine digits of a scale.
func close(a, b, scale float64) bool { return math.Abs(a-b) <= 1e-9*(math.Abs(scale)+math.Abs(a)) }

func TestUnitsOfMeasurementDoNotMatter(t *testing.T) {
	all := estimators()
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom([]string{"welch", "z", "ratio", "cuped", "cuped with two covariates", "quantile", "strata"}).Draw(r, "estimator")
		// Powers of two, which round nothing: another factor can make a mean of exactly 0 one that is not, and then there is a lift.
		factor := rapid.SampledFrom([]float64{1.0 / 1024, 0.25, 128, 1 << 20}).Draw(r, "factor")
		a, b := drawUnits(r, "a"), drawUnits(r, "b")
		scaled := func(units []unit) []unit {
			out := make([]unit, len(units))
			for i, u := range units {
				out[i] = unit{y: u.y * factor, x: u.x, before: u.before}
			}
			return out
		}
		x, errX := all[name](a, b, stats.Test{Alpha: 0.05})
		y, errY := all[name](scaled(a), scaled(b), stats.Test{Alpha: 0.05})
		if (errX == nil) != (errY == nil) {
			r.Fatalf("%s: %v, but %v", name, errX, errY)
		}
		if errX != nil {
			return
		}
		if !close(x.Difference*factor, y.Difference, y.SE) || !close(x.SE*factor, y.SE, 0) || !close(x.P, y.P, 1) {
			r.Fatalf("%s times %v: %+v, but %+v", name, factor, x, y)
		}
		if (x.Relative == nil) != (y.Relative == nil) || x.Relative != nil && math.Abs(x.Relative.Value-y.Relative.Value) > 1e-7*(1+math.Abs(x.Relative.Value)) {
			r.Fatalf("%s times %v: lift %+v, but %+v", name, factor, x.Relative, y.Relative)
		}
	})
}

func TestAConstantAddedToEveryUnitChangesNothingButTheBaseline(t *testing.T) {
	all := estimators()
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom([]string{"welch", "z", "cuped", "strata"}).Draw(r, "estimator")
		constant := rapid.SampledFrom([]float64{1, -7, 1e6, 1e9, 1e12}).Draw(r, "constant")
		a, b := drawUnits(r, "a"), drawUnits(r, "b")
		shifted := func(units []unit) []unit {
			out := make([]unit, len(units))
			for i, u := range units {
				out[i] = unit{y: u.y + constant, x: u.x, before: u.before}
			}
			return out
		}
		x, errX := all[name](a, b, stats.Test{Alpha: 0.05})
		y, errY := all[name](shifted(a), shifted(b), stats.Test{Alpha: 0.05})
		if (errX == nil) != (errY == nil) {
			r.Fatalf("%s: %v, but %v", name, errX, errY)
		}
		if errX == nil && (!close(x.Difference, y.Difference, x.SE) || !close(x.SE, y.SE, 0) || !close(x.P, y.P, 1)) {
			r.Fatalf("%s plus %v: %+v, but %+v", name, constant, x, y)
		}
	})
}

func TestMoreOfTheSameIsMoreCertain(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.Int64Range(2, 5_000).Draw(r, "n")
		a := stats.Proportion{N: n, X: rapid.Int64Range(1, n-1).Draw(r, "a")}
		b := stats.Proportion{N: n, X: rapid.Int64Range(1, n-1).Draw(r, "b")}
		k := rapid.Int64Range(2, 50).Draw(r, "times")
		more := func(p stats.Proportion) stats.Proportion { return stats.Proportion{N: k * p.N, X: k * p.X} }
		x, _, errX := stats.TwoProportions(a, b, 0.05)
		y, _, errY := stats.TwoProportions(more(a), more(b), 0.05)
		if errX != nil || errY != nil {
			r.Fatal(errX, errY)
		}
		width := func(e stats.Effect) float64 { return e.High - e.Low }
		if width(y) >= width(x) || y.LnP > x.LnP+1e-9 {
			r.Fatalf("%v of %v: %+v; %d times as many: %+v", a, b, x, k, y)
		}
		for name, of := range map[string]func(a, b stats.Proportion) stats.Range{
			"newcombe": func(a, b stats.Proportion) stats.Range {
				d, _ := stats.RateDifference(a, b, 0.05)
				return d.Newcombe
			},
			"miettinen-nurminen": func(a, b stats.Proportion) stats.Range {
				d, _ := stats.RateDifference(a, b, 0.05)
				return d.MiettinenNurminen
			},
			"clopper-pearson": func(a, _ stats.Proportion) stats.Range { i, _ := a.ClopperPearson(0.05); return i },
		} {
			if few, many := of(a, b), of(more(a), more(b)); many.High-many.Low >= few.High-few.Low {
				r.Fatalf("%s of %v, %v: %v; %d times as many: %v", name, a, b, few, k, many)
			}
		}
	})
}

func TestTheScoreTestAgreesWithItselfForAllCounts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		alpha := rapid.Float64Range(0.001, 0.3).Draw(r, "alpha")
		draw := func(name string) stats.Proportion {
			n := rapid.Int64Range(2, 2_000).Draw(r, name+" n")
			return stats.Proportion{N: n, X: rapid.Int64Range(0, n).Draw(r, name+" x")}
		}
		a, b := draw("a"), draw("b")
		rule, err := stats.FixedHorizon(alpha)
		if err != nil {
			r.Fatal(err)
		}
		e, err := stats.ScoreProportions(a, b, rule)
		if err != nil {
			r.Fatal(err)
		}
		if math.Abs(math.Abs(e.Statistic)-e.Critical) < 1e-6*e.Critical {
			return
		}
		agrees(r, "score", e, alpha)
		if f := e.Relative; f != nil && !f.Unbounded && (f.Value < f.Low-1e-9 || f.Value > f.High+1e-9) {
			r.Fatalf("%v of %v: lift %v outside %v to %v", a, b, f.Value, f.Low, f.High)
		}
		swapped, err := stats.ScoreProportions(b, a, rule)
		if err != nil || math.Abs(swapped.Low+e.High) > 1e-9 || math.Abs(swapped.LnP-e.LnP) > 1e-9 {
			r.Fatalf("%+v, swapped %+v", e, swapped)
		}
	})
}

func TestCountsSwapTheirSides(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		draw := func(name string) stats.Proportion {
			n := rapid.Int64Range(1, 400).Draw(r, name+" n")
			return stats.Proportion{N: n, X: rapid.Int64Range(0, n).Draw(r, name+" x")}
		}
		a, b := draw("a"), draw("b")
		x, _ := stats.Fisher(a, b)
		y, _ := stats.Fisher(b, a)
		if math.Abs(x.Less-y.Greater) > 1e-9 || math.Abs(x.TwoSided-y.TwoSided) > 1e-9 || x.TwoSided < math.Min(x.Less, x.Greater)-1e-9 {
			r.Fatalf("%+v, swapped %+v", x, y)
		}
		ea, eb := stats.Events{Count: a.X, Exposure: float64(a.N)}, stats.Events{Count: b.X, Exposure: float64(b.N)}
		p, errP := stats.CompareEvents(ea, eb, 0.05)
		q, errQ := stats.CompareEvents(eb, ea, 0.05)
		if errP != nil || errQ != nil || math.Abs(p.TwoSided-q.TwoSided) > 1e-9 || p.Low > 0 && math.Abs(p.Low*q.High-1) > 1e-9 {
			r.Fatalf("%+v, swapped %+v", p, q)
		}
		ua, ub := column(drawUnits(r, "ua"), metricOf), column(drawUnits(r, "ub"), metricOf)
		m, errM := stats.MannWhitney(ua, ub)
		w, errW := stats.MannWhitney(ub, ua)
		if (errM == nil) != (errW == nil) || errM == nil && (m.U+w.U != float64(len(ua)*len(ub)) || m.P != w.P) {
			r.Fatalf("%+v, swapped %+v", m, w)
		}
	})
}

func TestWhatAddsNothingChangesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, b := drawUnits(r, "a"), drawUnits(r, "b")
		ya, yb := column(a, metricOf), column(b, metricOf)
		none := func(units []unit) []float64 { return column(units, func(unit) float64 { return 7 }) }
		plain, err := stats.Welch(stats.MomentsOf(ya), stats.MomentsOf(yb), 0.05)
		if err != nil {
			return
		}
		sa, _ := stats.CoSumsOf(ya, none(a))
		sb, _ := stats.CoSumsOf(yb, none(b))
		adjusted, err := stats.CUPED(sa, sb, stats.Test{Alpha: 0.05})
		if err != nil || adjusted.Theta[0] != 0 || len(adjusted.Dropped) != 1 || adjusted.Difference != plain.Difference || !close(adjusted.SE, plain.SE, 0) || !close(adjusted.P, plain.P, 1) {
			r.Fatalf("a constant covariate: %+v, %v, but %+v", adjusted, err, plain)
		}
		z, _ := stats.ZTest(stats.MomentsOf(ya), stats.MomentsOf(yb), stats.Test{Alpha: 0.05})
		one, err := stats.PostStratify([]stats.Stratum{{Control: stats.MomentsOf(ya), Treatment: stats.MomentsOf(yb)}}, stats.Test{Alpha: 0.05})
		if err != nil || !close(one.Difference, z.Difference, z.SE) || !close(one.SE, z.SE, 0) || !close(one.P, z.P, 1) {
			r.Fatalf("one stratum: %+v, %v, but %+v", one, err, z)
		}
		ones := func(units []unit) []float64 { return column(units, func(unit) float64 { return 1 }) }
		ra, _ := stats.CoSumsOf(ya, ones(a))
		rb, _ := stats.CoSumsOf(yb, ones(b))
		ratioA, _ := ra.Ratio(0, 1)
		ratioB, _ := rb.Ratio(0, 1)
		ratio, err := stats.CompareRatios(ratioA, ratioB, stats.Test{Alpha: 0.05})
		if err != nil || !close(ratio.SE, z.SE, 0) || !close(ratio.Difference, z.Difference, z.SE) {
			r.Fatalf("a ratio over one: %+v, %v, but %+v", ratio, err, z)
		}
	})
}
