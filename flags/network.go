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
	var out [16]byte
	filled, gap := 0, -1
	if strings.HasPrefix(s, "::") {
		gap, s = 0, s[2:]
	}
	for s != "" && filled < 16 {
		group, rest, more := strings.Cut(s, ":")
		if strings.Contains(group, ".") {
			four, ok := parseIPv4(group)
			if !ok || more || filled > 12 {
				return netip.Addr{}, false
			}
			copy(out[filled:], four[:])
			filled, s = filled+4, ""
			break
		}
		n, ok := parseHex(group)
		if !ok {
			return netip.Addr{}, false
		}
		out[filled], out[filled+1] = byte(n>>8), byte(n) //nolint:gosec // the two bytes of it
		filled += 2
		if more && rest == "" {
			return netip.Addr{}, false // a single colon at the end
		}
		s = rest
		if strings.HasPrefix(s, ":") {
			if gap >= 0 {
				return netip.Addr{}, false
			}
			gap, s = filled, s[1:]
		}
	}
	if s != "" || gap < 0 && filled != 16 || gap >= 0 && filled == 16 {
		return netip.Addr{}, false
	}
	if gap >= 0 {
		tail := filled - gap
		copy(out[16-tail:], out[gap:filled])
		clear(out[gap : 16-tail])
	}
	return netip.AddrFrom16(out).Unmap(), true
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
