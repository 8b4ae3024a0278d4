package flags

import (
	"net/netip"
	"strings"
)

// parseNetwork reads a CIDR range, or an address as a range of one. IPv4 written as IPv6 is IPv4.
func parseNetwork(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		a, ok := parseAddress(s)
		if !ok {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

func (c *condition) matchesNetwork(text string) bool {
	a, ok := parseAddress(text)
	if !ok {
		return false
	}
	for _, n := range c.more.networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// parseAddress is netip.ParseAddr for addresses without zone; what is no address costs it no error.
func parseAddress(s string) (netip.Addr, bool) {
	if !strings.Contains(s, ":") {
		four, ok := parseIPv4(s)
		return netip.AddrFrom4(four), ok
	}
	six := ipv6{gap: -1}
	if strings.HasPrefix(s, "::") {
		six.gap, s = 0, s[2:]
	}
	for s != "" {
		var ok bool
		if s, ok = six.group(s); !ok {
			return netip.Addr{}, false
		}
	}
	return six.address()
}

// ipv6 is an address while it is read.
type ipv6 struct {
	bytes  [16]byte
	filled int
	gap    int // where "::" is; -1 for nowhere
}

// group reads a group and the colons behind it, and returns what follows.
func (a *ipv6) group(s string) (rest string, ok bool) {
	text, rest, more := strings.Cut(s, ":")
	if strings.Contains(text, ".") {
		four, ok := parseIPv4(text)
		if !ok || more || a.filled > 12 {
			return "", false
		}
		copy(a.bytes[a.filled:], four[:])
		a.filled += 4
		return "", true
	}
	n, ok := parseHex(text)
	if !ok || a.filled == 16 || more && rest == "" { // a single colon at the end
		return "", false
	}
	a.bytes[a.filled], a.bytes[a.filled+1] = byte(n>>8), byte(n) //nolint:gosec // the two bytes of it
	a.filled += 2
	if strings.HasPrefix(rest, ":") {
		if a.gap >= 0 {
			return "", false
		}
		a.gap, rest = a.filled, rest[1:]
	}
	return rest, true
}

// address fills the gap with zeros.
func (a *ipv6) address() (netip.Addr, bool) {
	if (a.gap < 0) != (a.filled == 16) {
		return netip.Addr{}, false
	}
	if a.gap >= 0 {
		tail := 16 - (a.filled - a.gap)
		copy(a.bytes[tail:], a.bytes[a.gap:a.filled])
		clear(a.bytes[a.gap:tail])
	}
	return netip.AddrFrom16(a.bytes).Unmap(), true
}

func parseIPv4(s string) (out [4]byte, ok bool) {
	for i := range out {
		part, rest, more := strings.Cut(s, ".")
		n, valid := parseNumber(part)
		if !valid || n > 255 || more != (i < 3) {
			return out, false
		}
		out[i] = byte(n)
		s = rest
	}
	return out, true
}

func parseHex(s string) (n uint32, ok bool) {
	if s == "" || len(s) > 4 {
		return 0, false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint32(c)
	}
	return n, true
}
