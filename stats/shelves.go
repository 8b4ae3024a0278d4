package stats

import "math/bits"

// double is a signed integer of 128 bits in two's complement.
type double struct{ lo, hi uint64 }

// addShelved adds a block of values whose exponents are near each other: one addition of words each, into the shelf of the exponent. Units of
// even and of odd number have shelves of their own, so that equal exponents in a row need not wait for each other.
func (x *exact) addShelved(c *column) {
	var even, odd [shelf]int64
	low, es := int32(c.low), c.exponents //nolint:gosec // between -1074 and 971
	ms := c.mantissas[:len(es)]
	i := 0
	for ; i+1 < len(es); i += 2 {
		even[(es[i]-low)&(shelf-1)] += ms[i]
		odd[(es[i+1]-low)&(shelf-1)] += ms[i+1]
	}
	if i < len(es) {
		even[(es[i]-low)&(shelf-1)] += ms[i]
	}
	for k := range c.high - c.low + 1 {
		for _, sum := range [2]int64{even[k], odd[k]} {
			if sum != 0 {
				x.put(wideOf(sum), c.low+k)
			}
		}
	}
}

// put adds m·2^e: to the whole numbers where it is one by its exponent.
func (x *exact) put(m wide, e int) {
	if e == 0 {
		x.whole.add(m)
	} else {
		x.addBits(m, e)
	}
}

// products are the shelves of a block of products.
type products struct{ even, odd [2 * shelf]double }

// addShelvedProducts is addShelved for the products of two columns.
func (x *exact) addShelvedProducts(a, b *column) {
	var p products
	low := a.low + b.low
	switch {
	case a.negative || b.negative:
		p.signed(a, b, int32(low)) //nolint:gosec // between -2148 and 1942
	case b.whole:
		p.scaled(a, b, int32(low)) //nolint:gosec // between -2148 and 1942
	default:
		p.unsigned(a, b, int32(low)) //nolint:gosec // between -2148 and 1942
	}
	for k := range a.high + b.high - low + 1 {
		for _, sum := range [2]double{p.even[k], p.odd[k]} {
			if sum != (double{}) {
				x.put(wide{lo: sum.lo, mid: sum.hi, hi: uint64(int64(sum.hi) >> 63)}, low+k) //nolint:gosec // two's complement, on purpose
			}
		}
	}
}

func (p *products) unsigned(a, b *column, low int32) {
	es := a.exponents
	fs, ms, ns := b.exponents[:len(es)], a.mantissas[:len(es)], b.mantissas[:len(es)]
	i := 0
	for ; i+1 < len(es); i += 2 {
		p.even[(es[i]+fs[i]-low)&(2*shelf-1)].addProduct(ms[i], ns[i])
		p.odd[(es[i+1]+fs[i+1]-low)&(2*shelf-1)].addProduct(ms[i+1], ns[i+1])
	}
	if i < len(es) {
		p.even[(es[i]+fs[i]-low)&(2*shelf-1)].addProduct(ms[i], ns[i])
	}
}

// scaled is unsigned for whole numbers b, which have no exponents.
func (p *products) scaled(a, b *column, low int32) {
	es := a.exponents
	ms, ns := a.mantissas[:len(es)], b.mantissas[:len(es)]
	i := 0
	for ; i+1 < len(es); i += 2 {
		p.even[(es[i]-low)&(2*shelf-1)].addProduct(ms[i], ns[i])
		p.odd[(es[i+1]-low)&(2*shelf-1)].addProduct(ms[i+1], ns[i+1])
	}
	if i < len(es) {
		p.even[(es[i]-low)&(2*shelf-1)].addProduct(ms[i], ns[i])
	}
}

func (p *products) signed(a, b *column, low int32) {
	es := a.exponents
	fs, ms, ns := b.exponents[:len(es)], a.mantissas[:len(es)], b.mantissas[:len(es)]
	i := 0
	for ; i+1 < len(es); i += 2 {
		p.even[(es[i]+fs[i]-low)&(2*shelf-1)].addSigned(ms[i], ns[i])
		p.odd[(es[i+1]+fs[i+1]-low)&(2*shelf-1)].addSigned(ms[i+1], ns[i+1])
	}
	if i < len(es) {
		p.even[(es[i]+fs[i]-low)&(2*shelf-1)].addSigned(ms[i], ns[i])
	}
}

// addProduct adds m·n of two numbers that are not negative, addSigned of any two.
func (d *double) addProduct(m, n int64) {
	hi, lo := bits.Mul64(uint64(m), uint64(n)) //nolint:gosec // not negative
	var c uint64
	d.lo, c = bits.Add64(d.lo, lo, 0)
	d.hi, _ = bits.Add64(d.hi, hi, c)
}

func (d *double) addSigned(m, n int64) {
	hi, lo := bits.Mul64(uint64(m), uint64(n))              //nolint:gosec // two's complement, on purpose
	hi -= uint64(m>>63)&uint64(n) + uint64(n>>63)&uint64(m) //nolint:gosec // two's complement, on purpose
	var c uint64
	d.lo, c = bits.Add64(d.lo, lo, 0)
	d.hi, _ = bits.Add64(d.hi, hi, c)
}
