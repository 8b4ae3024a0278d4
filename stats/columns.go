package stats

import (
	"math"
	"math/bits"
)

// block is how many units are added at once. Within a block whole numbers below narrow are summed in 64 bits, products in one word:
// 2^10 products of two numbers below 2^26 are below 2^62. Others are summed by their exponent in shelves, without any shift: 2^9 mantissas of
// 53 bits in one word, 2^9 products of two in two words.
const (
	block  = 1 << 10
	narrow = 1 << 26
	shelf  = 64 // how many exponents a block of values may have for shelves to serve, and half of how many its products may have
)

// column is a block of one value of the units, as mantissas and exponents.
type column struct {
	mantissas []int64
	exponents []int32 // 0 for a whole number, which is its mantissa
	whole     bool    // all are whole
	narrow    bool    // and small
	negative  bool    // some are negative
	low, high int     // the exponents' range, 0 for a whole number
}

// CoSumsOf are the sums of columns of equal length: columns[i][unit]. It gives the same bits as Add for every unit, several times
// faster. What is no finite number is refused.
func CoSumsOf(columns ...[]float64) (*CoSums, error) {
	s := NewCoSums(len(columns))
	if len(columns) == 0 {
		return s, nil
	}
	for _, c := range columns {
		if len(c) != len(columns[0]) {
			return nil, fail(InvalidInput, "a column has %d values and another %d; every unit needs all of its values", len(columns[0]), len(c))
		}
	}
	blocks := make([]column, len(columns))
	for i := range blocks {
		blocks[i].mantissas, blocks[i].exponents = make([]int64, block), make([]int32, block)
	}
	s.n = int64(len(columns[0]))
	for from := 0; from < len(columns[0]); from += block {
		to := min(from+block, len(columns[0]))
		for i, c := range columns {
			if v, ok := blocks[i].read(c[from:to]); !ok {
				return nil, notFinite(v)
			}
		}
		s.addBlocks(blocks)
	}
	return s, nil
}

// SumsOf are the sums of values: Add for every one, several times faster.
func SumsOf(values []float64) (*Sums, error) {
	c, err := CoSumsOf(values)
	if err != nil {
		return nil, err
	}
	return &Sums{n: c.n, x: c.sums[0], xx: c.products[0]}, nil
}

// read takes a block of values, or tells the first that is no finite number.
func (c *column) read(values []float64) (float64, bool) {
	c.mantissas, c.exponents = c.mantissas[:len(values)], c.exponents[:len(values)]
	ms, es := c.mantissas, c.exponents[:len(c.mantissas)]
	largest, signs, fractions, low, high := int64(0), int64(0), 0, 0, 0
	for i, v := range values {
		if m := int64(v); float64(m) == v && m >= -1<<53 && m <= 1<<53 {
			ms[i], es[i] = m, 0
			largest |= max(m, -m)
			signs |= m
			continue
		}
		b := math.Float64bits(v)
		e := int(b >> 52 & 0x7ff)
		if uint(e-1) >= 0x7fe { // infinite, no number, or subnormal
			if e != 0 {
				return v, false
			}
			var m int64
			m, e = split(v)
			ms[i] = m
		} else {
			sign := int64(b) >> 63                           //nolint:gosec // two's complement, on purpose
			ms[i] = (int64(b&(1<<52-1)|1<<52) ^ sign) - sign //nolint:gosec // 53 bits
			e -= 1075
		}
		signs |= ms[i]
		es[i] = int32(e)
		low, high = min(low, e), max(high, e)
		fractions++
	}
	c.low, c.high, c.negative = low, high, signs < 0
	c.whole = fractions == 0
	c.narrow = c.whole && largest < narrow
	return 0, true
}

func (s *CoSums) addBlocks(blocks []column) {
	product := 0
	for i := range blocks {
		s.sums[i].addColumn(&blocks[i])
		for j := range blocks[:i+1] {
			s.products[product].addColumns(&blocks[i], &blocks[j])
			product++
		}
	}
}

func (x *exact) addColumn(c *column) {
	switch {
	case c.narrow:
		sum := int64(0)
		for _, m := range c.mantissas {
			sum += m
		}
		x.whole.add(wideOf(sum))
	case c.whole:
		for _, m := range c.mantissas {
			x.whole.add(wideOf(m))
		}
	case c.high-c.low < shelf:
		x.addShelved(c)
	default:
		bins := x.span(c.low, c.high)
		for i, m := range c.mantissas {
			if e := c.exponents[i]; e == 0 {
				x.whole.add(wideOf(m))
			} else {
				bins.add(wideOf(m), int(e))
			}
		}
	}
}

func (x *exact) addColumns(a, b *column) {
	ms, ns := a.mantissas, b.mantissas[:len(a.mantissas)]
	switch {
	case a.narrow && b.narrow:
		sum := int64(0)
		for i, m := range ms {
			sum += m * ns[i]
		}
		x.whole.add(wideOf(sum))
	case a.whole && b.whole:
		for i, m := range ms {
			x.whole.add(wideProduct(m, ns[i]))
		}
	case a.high-a.low+b.high-b.low < 2*shelf:
		if a.whole {
			a, b = b, a
		}
		x.addShelvedProducts(a, b)
	default:
		bins := x.span(a.low+b.low, a.high+b.high)
		for i, m := range ms {
			if e := int(a.exponents[i]) + int(b.exponents[i]); e == 0 {
				x.whole.add(wideProduct(m, ns[i]))
			} else {
				bins.add(wideProduct(m, ns[i]), e)
			}
		}
	}
}

// window is the part of a sum's bins that a block needs, which is there already.
type window struct {
	bins []wide
	base int // the exponent of bins[0]
}

// span makes the bins for exponents from low to high.
func (x *exact) span(low, high int) window {
	first := (low - smallest) / binBits
	x.bin(first)
	x.bin((high - smallest) / binBits)
	return window{bins: x.bins[first-x.first:], base: first*binBits + smallest}
}

func (w window) add(m wide, e int) {
	place := uint(e - w.base)
	shift := place % binBits
	b := &w.bins[place/binBits]
	var c uint64
	b.lo, c = bits.Add64(b.lo, m.lo<<shift, 0)
	b.mid, c = bits.Add64(b.mid, m.mid<<shift|m.lo>>(64-shift), c)
	b.hi, _ = bits.Add64(b.hi, m.hi<<shift|m.mid>>(64-shift), c)
}
