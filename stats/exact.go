package stats

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
)

// wide is a signed integer of 192 bits in two's complement: room for 2^62 products of two int64.
type wide struct{ lo, mid, hi uint64 }

func (w *wide) add(o wide) {
	var c uint64
	w.lo, c = bits.Add64(w.lo, o.lo, 0)
	w.mid, c = bits.Add64(w.mid, o.mid, c)
	w.hi, _ = bits.Add64(w.hi, o.hi, c)
}

func (w wide) negated() wide {
	var b uint64
	w.lo, b = bits.Sub64(0, w.lo, 0)
	w.mid, b = bits.Sub64(0, w.mid, b)
	w.hi, _ = bits.Sub64(0, w.hi, b)
	return w
}

func (w wide) big() *big.Int {
	t := [mostWords]uint64{w.lo, w.mid, w.hi}
	return bigOf(t[:3])
}

// mostWords is how many words of 64 bits a sum may have that is put together without big numbers.
const mostWords = 16

// bigOf is a number in two's complement, which it overwrites.
func bigOf(words []uint64) *big.Int {
	negative := words[len(words)-1]>>63 == 1
	if negative {
		borrow := uint64(0)
		for i, w := range words {
			words[i], borrow = bits.Sub64(0, w, borrow)
		}
	}
	list := make([]big.Word, 0, len(words))
	for _, w := range words {
		if bits.UintSize == 64 {
			list = append(list, big.Word(w))
		} else {
			list = append(list, big.Word(uint32(w)), big.Word(w>>32)) //nolint:gosec // halves of a word, on purpose
		}
	}
	out := new(big.Int).SetBits(list)
	if negative {
		out.Neg(out)
	}
	return out
}

// addTo adds w·2^shift to a number in two's complement that has room for it.
func (w wide) addTo(words []uint64, shift int) {
	sign := uint64(int64(w.hi) >> 63) //nolint:gosec // two's complement, on purpose
	at, by := shift/64, uint(shift%64)
	carry := uint64(0)
	part := [4]uint64{w.lo << by, w.mid<<by | w.lo>>(64-by), w.hi<<by | w.mid>>(64-by), sign<<by | w.hi>>(64-by)}
	for i := at; i < len(words); i++ {
		p := sign
		if i-at < len(part) {
			p = part[i-at]
		}
		words[i], carry = bits.Add64(words[i], p, carry)
	}
}

// wideOf is v, and wideProduct v·w.
func wideOf(v int64) wide {
	sign := uint64(v >> 63)                         //nolint:gosec // two's complement, on purpose
	return wide{lo: uint64(v), mid: sign, hi: sign} //nolint:gosec // two's complement, on purpose
}

func wideProduct(v, w int64) wide {
	hi, lo := bits.Mul64(uint64(v), uint64(w))                //nolint:gosec // two's complement, on purpose
	hi -= uint64(v>>63)&uint64(w) + uint64(w>>63)&uint64(v)   //nolint:gosec // two's complement, on purpose
	return wide{lo: lo, mid: hi, hi: uint64(int64(hi) >> 63)} //nolint:gosec // two's complement, on purpose
}

// exact is a sum without rounding. Whole numbers go to whole. Every other float64, and every product of two of which one is not
// whole, is m·2^e with an integer m and goes to the bin of its exponent: an integer in units of 2^(32·bin - 2148), the smallest
// product of two floats being 2^-2148. Where a value goes depends on the value alone, and integers add the same in any order; so a
// sum of parts is the sum of the whole, to the bit. (The idea of a small superaccumulator: R. M. Neal, Fast exact summation using
// small and large superaccumulators, arXiv 1505.05571.)
type exact struct {
	whole wide
	first int // the number of bins[0]
	bins  []wide
}

const (
	binBits  = 32
	smallest = -2148 // the exponent of the smallest product of two floats
)

// split writes v as m·2^e with an integer |m| < 2^53.
func split(v float64) (m int64, e int) {
	b := math.Float64bits(v)
	e = int(b >> 52 & 0x7ff)
	m = int64(b & (1<<52 - 1))
	if e == 0 {
		e = 1
	} else {
		m |= 1 << 52
	}
	if b>>63 == 1 {
		m = -m
	}
	return m, e - 1075
}

// addFloat adds a value that is not whole; addProduct adds a product.
func (x *exact) addFloat(m int64, e int) { x.addBits(wideOf(m), e) }

func (x *exact) addProduct(m1 int64, e1 int, m2 int64, e2 int) { x.addBits(wideProduct(m1, m2), e1+e2) }

func (x *exact) addBits(m wide, e int) {
	place := e - smallest
	shift := uint(place % binBits)
	m.hi = m.hi<<shift | m.mid>>(64-shift)
	m.mid = m.mid<<shift | m.lo>>(64-shift)
	m.lo <<= shift
	x.bin(place / binBits).add(m)
}

// bin is the bin with a number, made when it is not there yet.
func (x *exact) bin(number int) *wide {
	switch {
	case len(x.bins) == 0:
		x.first, x.bins = number, make([]wide, 1, 4)
	case number < x.first:
		x.bins = slices.Insert(x.bins, 0, make([]wide, x.first-number)...)
		x.first = number
	case number >= x.first+len(x.bins):
		x.bins = append(x.bins, make([]wide, number-x.first-len(x.bins)+1)...)
	}
	return &x.bins[number-x.first]
}

func (x *exact) merge(o *exact) {
	x.whole.add(o.whole)
	for i, b := range o.bins {
		if b != (wide{}) {
			x.bin(o.first + i).add(b)
		}
	}
}

func (x *exact) negated() exact {
	out := exact{whole: x.whole.negated(), first: x.first, bins: slices.Clone(x.bins)}
	for i := range out.bins {
		out.bins[i] = out.bins[i].negated()
	}
	return out
}

func (x *exact) clone() exact {
	return exact{whole: x.whole, first: x.first, bins: slices.Clone(x.bins)}
}

// total is the sum as value·2^exponent.
func (x *exact) total() (value *big.Int, exponent int) {
	if len(x.bins) == 0 {
		return x.whole.big(), 0
	}
	lowest := x.first*binBits + smallest
	exponent = min(0, lowest)
	// room for the highest bin and for the carries of all of them
	if n := (max(0, lowest+len(x.bins)*binBits)-exponent+192)/64 + 2; n <= mostWords {
		var words [mostWords]uint64
		x.whole.addTo(words[:n], -exponent)
		for i, b := range x.bins {
			if b != (wide{}) {
				b.addTo(words[:n], lowest+i*binBits-exponent)
			}
		}
		return bigOf(words[:n]), exponent
	}
	value = x.whole.big()
	value.Lsh(value, uint(-exponent))
	for i, b := range x.bins {
		if b == (wide{}) {
			continue
		}
		part := b.big()
		value.Add(value, part.Lsh(part, uint(lowest+i*binBits-exponent)))
	}
	return value, exponent
}

// float is the sum as an exact big.Float.
func (x *exact) float() *big.Float { return exactly(x.total()) }

// exactly is value·2^exponent without rounding.
func exactly(value *big.Int, exponent int) *big.Float {
	f := new(big.Float).SetPrec(uint(max(64, value.BitLen()))).SetInt(value)
	return f.SetMantExp(f, exponent)
}

// The operations on big.Float below keep every bit: the precision of the result is what it needs.

func bigMul(a, b *big.Float) *big.Float { return mulInto(new(big.Float), a, b) }

func mulInto(z, a, b *big.Float) *big.Float { return z.SetPrec(a.Prec()+b.Prec()).Mul(a, b) }

func bigSub(a, b *big.Float) *big.Float { return subInto(new(big.Float), a, b) }

func subInto(z, a, b *big.Float) *big.Float {
	if a.Sign() == 0 || b.Sign() == 0 {
		return z.SetPrec(max(a.Prec(), b.Prec())).Sub(a, b)
	}
	low := min(a.MantExp(nil)-int(a.Prec()), b.MantExp(nil)-int(b.Prec()))
	high := max(a.MantExp(nil), b.MantExp(nil))
	return z.SetPrec(uint(high-low+2)).Sub(a, b)
}

// workspace holds what is only on the way, so that many exact results take the memory of one.
type workspace struct{ left, right, difference, high big.Float }

// determinant is a·b - c·d, until the next one.
func (w *workspace) determinant(a, b, c, d *big.Float) *big.Float {
	return subInto(&w.difference, mulInto(&w.left, a, b), mulInto(&w.right, c, d))
}

// pair keeps the first 32 digits of a number.
func (w *workspace) pair(x *big.Float) pair {
	hi, _ := x.Float64()
	if !finite(hi) {
		return pairOf(hi)
	}
	lo, _ := subInto(&w.left, x, w.high.SetPrec(53).SetFloat64(hi)).Float64()
	return pair{hi, lo}
}

func bigInt(n int64) *big.Float { return new(big.Float).SetPrec(64).SetInt64(n) }

// rounded is a/b with one rounding, and what the rounding took.
func rounded(a, b *big.Float) (value, rest float64) {
	value, _ = new(big.Float).SetPrec(53).Quo(a, b).Float64()
	if !finite(value) || value == 0 {
		return value, 0
	}
	left := bigSub(a, bigMul(new(big.Float).SetFloat64(value), b))
	rest, _ = new(big.Float).SetPrec(53).Quo(left, b).Float64()
	return value, rest
}
