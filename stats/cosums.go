package stats

import (
	"math"
	"math/big"
	"slices"
)

// CoSums are the sufficient statistics of several values per unit: the number of units, all Σx and all Σx·y, kept exactly like
// Sums. A ratio metric needs two (numerator and denominator), CUPED the metric and its covariates.
type CoSums struct {
	n        int64
	sums     []exact
	products []exact // of i and j <= i, at i(i+1)/2 + j
	parts    []part  // room for the unit being added
}

// part is a value as it is added: mantissa·2^exponent, or mantissa itself when the value is whole.
type part struct {
	mantissa int64
	exponent int
	whole    bool
}

// partOf is false for what is no finite number.
func partOf(v float64) (part, bool) {
	if whole := int64(v); float64(whole) == v && whole >= -1<<53 && whole <= 1<<53 {
		return part{mantissa: whole, whole: true}, true
	}
	if math.Float64bits(v)>>52&0x7ff == 0x7ff {
		return part{}, false
	}
	m, e := split(v)
	return part{mantissa: m, exponent: e}, true
}

func (x *exact) addPart(p part) {
	if p.whole {
		x.whole.add(wideOf(p.mantissa))
	} else {
		x.addFloat(p.mantissa, p.exponent)
	}
}

func (x *exact) addProductOf(p, q part) {
	if p.whole && q.whole {
		x.whole.add(wideProduct(p.mantissa, q.mantissa))
	} else {
		x.addProduct(p.mantissa, p.exponent, q.mantissa, q.exponent)
	}
}

// NewCoSums makes the sums of k values per unit, of no units yet.
func NewCoSums(k int) *CoSums {
	k = max(k, 0)
	return &CoSums{sums: make([]exact, k), products: make([]exact, k*(k+1)/2), parts: make([]part, k)}
}

// Add counts a unit with its values, as many as NewCoSums was told. NaN and infinities are refused and change nothing.
func (s *CoSums) Add(values ...float64) error {
	if len(values) != len(s.sums) {
		return fail(InvalidInput, "a unit came with %d values instead of %d", len(values), len(s.sums))
	}
	for i, v := range values {
		p, ok := partOf(v)
		if !ok {
			return notFinite(v)
		}
		s.parts[i] = p
	}
	s.n++
	product := 0
	for i, p := range s.parts {
		s.sums[i].addPart(p)
		for _, q := range s.parts[:i+1] {
			s.products[product].addProductOf(p, q)
			product++
		}
	}
	return nil
}

// Merge adds the units of another part, which must have as many values per unit.
func (s *CoSums) Merge(o *CoSums) error {
	if len(o.sums) != len(s.sums) {
		return fail(InvalidInput, "sums of %d values per unit cannot be merged with sums of %d", len(s.sums), len(o.sums))
	}
	s.n += o.n
	for i := range s.sums {
		s.sums[i].merge(&o.sums[i])
	}
	for i := range s.products {
		s.products[i].merge(&o.products[i])
	}
	return nil
}

// N is the number of units, Len the number of values per unit.
func (s *CoSums) N() int64 { return s.n }

// Len is the number of values per unit.
func (s *CoSums) Len() int { return len(s.sums) }

// Sums are those of value i alone.
func (s *CoSums) Sums(i int) *Sums {
	return &Sums{n: s.n, x: s.sums[i].clone(), xx: s.product(i, i).clone()}
}

// Moments are those of value i.
func (s *CoSums) Moments(i int) Moments {
	return (&Sums{n: s.n, x: s.sums[i], xx: *s.product(i, i)}).Moments()
}

// Covariance is the sample covariance of values i and j, with n - 1; 0 with fewer than two units.
func (s *CoSums) Covariance(i, j int) float64 {
	if s.n < 2 {
		return 0
	}
	v, _ := rounded(s.scaledComoment(i, j), bigMul(bigInt(s.n), bigInt(s.n-1)))
	return v
}

func (s *CoSums) product(i, j int) *exact {
	if i < j {
		i, j = j, i
	}
	return &s.products[i*(i+1)/2+j]
}

// scaledComoment is n·Σ(x - x̄)(y - ȳ) = n·Σxy - Σx·Σy, exactly.
func (s *CoSums) scaledComoment(i, j int) *big.Float {
	return bigSub(bigMul(bigInt(s.n), s.product(i, j).float()), bigMul(s.sums[i].float(), s.sums[j].float()))
}

// Select are the sums of some of the values, in the order given: of a metric and its covariates, say. Numbers that do not exist are
// left out.
func (s *CoSums) Select(values ...int) *CoSums {
	values = slices.DeleteFunc(slices.Clone(values), func(v int) bool { return v < 0 || v >= len(s.sums) })
	out := NewCoSums(len(values))
	out.n = s.n
	for i, v := range values {
		out.sums[i] = s.sums[v].clone()
		for j, w := range values[:i+1] {
			*out.product(i, j) = s.product(v, w).clone()
		}
	}
	return out
}
