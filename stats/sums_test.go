package stats_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/stats"
)

// anyFloat draws values of every kind that a metric can have: counts, money, large offsets, tiny and huge numbers.
func anyFloat() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(-1000, 1000), func(i int) float64 { return float64(i) }),
		rapid.Map(rapid.IntRange(0, 100_000), func(i int) float64 { return float64(i) / 100 }),
		rapid.Map(rapid.IntRange(0, 9), func(i int) float64 { return 1e9 + float64(i)/10 }),
		rapid.Float64Range(-1, 1),
		rapid.Map(rapid.Float64Range(-1, 1), func(x float64) float64 { return x * 1e150 }),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e15, 1 << 53, 1<<53 + 2, 5e-324, -1e-310, 1e-150, math.MaxFloat64, -math.MaxFloat64}),
	)
}

// exactMoments computes with rational numbers: slow, and right by construction.
func exactMoments(values []float64) (mean, m2 *big.Rat) {
	n := new(big.Rat).SetInt64(int64(len(values)))
	sum, squares := new(big.Rat), new(big.Rat)
	for _, v := range values {
		x := new(big.Rat).SetFloat64(v)
		sum.Add(sum, x)
		squares.Add(squares, new(big.Rat).Mul(x, x))
	}
	mean = new(big.Rat).Quo(sum, n)
	return mean, squares.Sub(squares, new(big.Rat).Mul(mean, sum))
}

func rounded(x *big.Rat) float64 { f, _ := x.Float64(); return f }

func TestSumsAreExactBeforeTheirOneRounding(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		values := rapid.SliceOfN(anyFloat(), 1, 30).Draw(r, "values")
		s, err := stats.SumsOf(values)
		if err != nil {
			r.Fatal(err)
		}
		mean, m2 := exactMoments(values)
		m := s.Moments()
		if m.Mean != rounded(mean) || m.M2 != rounded(m2) && m.M2 > 1e-300 {
			r.Fatalf("mean %v, want %v; m2 %v, want %v", m.Mean, rounded(mean), m.M2, rounded(m2))
		}
	})
}

func TestPartsInAnyOrderGiveTheSameBits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		values := rapid.SliceOfN(anyFloat(), 1, 60).Draw(r, "values")
		whole, err := stats.SumsOf(values)
		if err != nil {
			r.Fatal(err)
		}
		parts := make([]stats.Sums, rapid.IntRange(1, 6).Draw(r, "parts"))
		for _, v := range rapid.Permutation(values).Draw(r, "order") {
			if err := parts[rapid.IntRange(0, len(parts)-1).Draw(r, "part")].Add(v); err != nil {
				r.Fatal(err)
			}
		}
		var merged stats.Sums
		for _, i := range rapid.Permutation(indices(len(parts))).Draw(r, "merge order") {
			merged.Merge(&parts[i])
		}
		if got, want := fmt.Sprint(bitsOf(merged.Moments())), fmt.Sprint(bitsOf(whole.Moments())); got != want {
			r.Fatalf("%v, but the whole is %v", got, want)
		}
	})
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func bitsOf(m stats.Moments) []uint64 {
	return []uint64{uint64(m.N), math.Float64bits(m.Mean), math.Float64bits(m.Rest), math.Float64bits(m.M2)}
}

func TestReplacingAValueIsExact(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		values := rapid.SliceOfN(anyFloat(), 1, 30).Draw(r, "values")
		s, err := stats.SumsOf(values)
		if err != nil {
			r.Fatal(err)
		}
		i, v := rapid.IntRange(0, len(values)-1).Draw(r, "which"), anyFloat().Draw(r, "new value")
		if err := s.Remove(values[i]); err != nil {
			r.Fatal(err)
		}
		if err := s.Add(v); err != nil {
			r.Fatal(err)
		}
		values[i] = v
		whole, _ := stats.SumsOf(values)
		if got, want := fmt.Sprint(bitsOf(s.Moments())), fmt.Sprint(bitsOf(whole.Moments())); got != want {
			r.Fatalf("%v, but counted anew %v", got, want)
		}
	})
}

func TestCoSumsAgreeWithSumsAndRationalNumbers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(2, 30).Draw(r, "n")
		x, y := rapid.SliceOfN(anyFloat(), n, n).Draw(r, "x"), rapid.SliceOfN(anyFloat(), n, n).Draw(r, "y")
		cut := rapid.IntRange(0, n).Draw(r, "cut")
		whole, err := stats.CoSumsOf(y, x)
		if err != nil {
			r.Fatal(err)
		}
		a, _ := stats.CoSumsOf(y[:cut], x[:cut])
		b, _ := stats.CoSumsOf(y[cut:], x[cut:])
		if err := b.Merge(a); err != nil {
			r.Fatal(err)
		}
		single, _ := stats.SumsOf(x)
		if fmt.Sprint(bitsOf(b.Moments(1))) != fmt.Sprint(bitsOf(single.Moments())) || b.Covariance(0, 1) != whole.Covariance(1, 0) {
			r.Fatal("merged, single and whole differ")
		}
		mx, _ := exactMoments(x)
		my, _ := exactMoments(y)
		c := new(big.Rat)
		for i := range x {
			c.Add(c, new(big.Rat).Mul(new(big.Rat).Sub(new(big.Rat).SetFloat64(x[i]), mx), new(big.Rat).Sub(new(big.Rat).SetFloat64(y[i]), my)))
		}
		want := rounded(c.Quo(c, big.NewRat(int64(n-1), 1)))
		if got := whole.Covariance(0, 1); got != want && math.Abs(want) > 1e-300 {
			r.Fatalf("covariance %v, want %v", got, want)
		}
	})
}

func TestABillionUnitsAtAnOffsetOfABillion(t *testing.T) {
	// A part of 1e9 + {0..9}: mean 1e9 + 4.5, variance 8.25 n/(n-1), by hand. Thirty doublings make more than a billion units.
	var s stats.Sums
	for i := range 10 {
		if err := s.Add(1e9 + float64(i)); err != nil {
			t.Fatal(err)
		}
	}
	for range 27 {
		half := s
		s.Merge(&half)
	}
	m := s.Moments()
	n := float64(m.N)
	if m.N != 10<<27 || m.Mean != 1e9+4.5 || math.Abs(m.Variance()/(8.25*n/(n-1))-1) > 1e-15 {
		t.Errorf("%+v, variance %v", m, m.Variance())
	}
}

func TestWhatIsNoNumberIsNotCounted(t *testing.T) {
	var s stats.Sums
	c := stats.NewCoSums(2)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if s.Add(v) == nil || s.N() != 0 || c.Add(1, v) == nil || c.N() != 0 || c.Moments(0).Mean != 0 {
			t.Errorf("%v was counted", v)
		}
	}
	if c.Add(1) == nil || c.Merge(stats.NewCoSums(3)) == nil {
		t.Error("the wrong number of values was taken")
	}
}

func TestAddingAllocatesNothing(t *testing.T) {
	var s stats.Sums
	c := stats.NewCoSums(3)
	values := []float64{9.99, 3, 0.1234567}
	if n := testing.AllocsPerRun(1000, func() {
		for _, v := range values {
			_ = s.Add(v)
		}
		_ = c.Add(values...)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// columns are a million units: revenue in cents or in currency, and sessions.
func columns(money bool) (x, y []float64) {
	r := rand.New(rand.NewPCG(1, 2))
	x, y = make([]float64, 1_000_000), make([]float64, 1_000_000)
	for i := range x {
		x[i], y[i] = math.Round(r.ExpFloat64()*1e4), float64(r.IntN(20))
		if money {
			x[i] /= 100
		}
	}
	return x, y
}

func BenchmarkAMillionUnits(b *testing.B) {
	for _, c := range []struct {
		name  string
		money bool
	}{{"whole", false}, {"fractions", true}} {
		x, y := columns(c.money)
		b.Run("sums/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := stats.SumsOf(x); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("sums and cross products/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := stats.CoSumsOf(x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMomentsOfSums(b *testing.B) {
	x, _ := columns(true)
	s, err := stats.SumsOf(x)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if s.Moments().N == 0 {
			b.Fatal("no units")
		}
	}
}

func TestColumnsGiveTheBitsOfAddingUnitByUnit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	draw := []func() float64{
		func() float64 { return float64(r.IntN(5)) },
		func() float64 { return math.Round(r.NormFloat64() * 1e12) },
		func() float64 { return math.Round(r.ExpFloat64()*1e4) / 100 },
		func() float64 { return math.Ldexp(r.NormFloat64(), r.IntN(400)-200) },
		func() float64 { return math.Round(r.NormFloat64()*1e4) / 100 },
		func() float64 { return []float64{1 << 53, -1 << 53, 0.5, 1<<53 + 2}[r.IntN(4)] },
		func() float64 { return math.Ldexp(r.Float64(), -1050-r.IntN(24)) }, // down to subnormal numbers
	}
	const n = 3_001 // several blocks, and an odd one
	columns := make([][]float64, len(draw))
	one := stats.NewCoSums(len(draw))
	values := make([]float64, len(draw))
	for range n {
		for i, d := range draw {
			values[i] = d()
			columns[i] = append(columns[i], values[i])
		}
		if err := one.Add(values...); err != nil {
			t.Fatal(err)
		}
	}
	many, err := stats.CoSumsOf(columns...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range draw {
		if got, want := bitsOf(many.Moments(i)), bitsOf(one.Moments(i)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("column %d: %v, unit by unit %v", i, got, want)
		}
		for j := range draw {
			if many.Covariance(i, j) != one.Covariance(i, j) {
				t.Errorf("covariance of %d and %d: %v, unit by unit %v", i, j, many.Covariance(i, j), one.Covariance(i, j))
			}
		}
	}
}

// Any numbers in any order: blocks of columns are the units one by one, to the bit, and what is no number is refused by both.
func FuzzColumnsAreTheirUnits(f *testing.F) {
	f.Add([]byte("0123456789abcdef01234567"), uint16(1030))
	f.Add(binary.LittleEndian.AppendUint64(nil, math.Float64bits(9.99)), uint16(1))
	f.Fuzz(func(t *testing.T, raw []byte, repeat uint16) {
		var drawn []float64
		for ; len(raw) >= 8 && len(drawn) < 64; raw = raw[8:] {
			drawn = append(drawn, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
		if len(drawn) < 2 {
			return
		}
		n := len(drawn)/2 + int(repeat%3000)
		x, y, one := make([]float64, n), make([]float64, n), stats.NewCoSums(2)
		var failed error
		for i := range n {
			x[i], y[i] = drawn[i%len(drawn)], drawn[(i*7+3)%len(drawn)]
			if err := one.Add(x[i], y[i]); err != nil {
				failed = err
			}
		}
		many, err := stats.CoSumsOf(x, y)
		if (err != nil) != (failed != nil) {
			t.Fatalf("columns: %v, units: %v", err, failed)
		}
		if err != nil {
			return
		}
		for i := range 2 {
			if got, want := fmt.Sprint(bitsOf(many.Moments(i))), fmt.Sprint(bitsOf(one.Moments(i))); got != want {
				t.Errorf("value %d: %v, unit by unit %v", i, got, want)
			}
		}
		if got, want := many.Covariance(0, 1), one.Covariance(0, 1); math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("covariance %v, unit by unit %v", got, want)
		}
	})
}
