package stats

import "math"

// Sums are the sufficient statistics of one value per unit: the number of units, Σx and Σx², kept exactly. Parts can be merged in
// any order and give the same bits as the whole, a replay gives them again, a value can be taken back (Remove), and nothing cancels,
// at a billion units or at a mean of 1e15. The zero value is no unit. One Add costs a few nanoseconds and, once the exponents that
// occur were seen, allocates nothing.
type Sums struct {
	n     int64
	x, xx exact
}

// Add counts a unit with this value. NaN and infinities are refused and change nothing.
func (s *Sums) Add(v float64) error {
	if whole := int64(v); float64(whole) == v && whole >= -1<<53 && whole <= 1<<53 {
		s.AddInt(whole)
		return nil
	}
	if math.Float64bits(v)>>52&0x7ff == 0x7ff {
		return notFinite(v)
	}
	s.n++
	m, e := split(v)
	s.x.addFloat(m, e)
	s.xx.addProduct(m, e, m, e)
	return nil
}

// AddInt counts a unit with a whole value: a count, or an amount in its smallest part (cents, milliseconds).
func (s *Sums) AddInt(v int64) {
	s.n++
	s.x.whole.add(wideOf(v))
	s.xx.whole.add(wideProduct(v, v))
}

// Remove takes a unit back that was added with this value, exactly. With Add it replaces a unit's value in constant time.
func (s *Sums) Remove(v float64) error {
	var one Sums
	if err := one.Add(v); err != nil {
		return err
	}
	x, xx := one.x.negated(), one.xx.negated()
	s.n--
	s.x.merge(&x)
	s.xx.merge(&xx)
	return nil
}

// Merge adds the units of another part.
func (s *Sums) Merge(o *Sums) {
	s.n += o.n
	s.x.merge(&o.x)
	s.xx.merge(&o.xx)
}

// Clone is a copy that shares nothing; a plain copy of Sums may share memory with its origin.
func (s *Sums) Clone() *Sums { return &Sums{n: s.n, x: s.x.clone(), xx: s.xx.clone()} }

// N is the number of units.
func (s *Sums) N() int64 { return s.n }

// Sum is Σx and SumSquares Σx², each with one rounding.
func (s *Sums) Sum() float64 { v, _ := s.x.float().Float64(); return v }

// SumSquares is Σx², with one rounding.
func (s *Sums) SumSquares() float64 { v, _ := s.xx.float().Float64(); return v }

// Moments are number, mean and sum of squared deviations, each exact before its one rounding.
func (s *Sums) Moments() Moments {
	if s.n < 1 {
		return Moments{N: s.n}
	}
	sum, n := s.x.float(), bigInt(s.n)
	m := Moments{N: s.n}
	m.Mean, m.Rest = rounded(sum, n)
	m.M2, _ = rounded(bigSub(bigMul(n, s.xx.float()), bigMul(sum, sum)), n)
	return m
}

func notFinite(v float64) error {
	return fail(InvalidInput, "%v is no measurement; it was not counted", v)
}
