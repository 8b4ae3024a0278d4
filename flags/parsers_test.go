package flags

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// noise strings together random pieces.
func noise(random *rand.Rand, pieces []string) string {
	var out strings.Builder
	for range random.IntN(12) + 1 {
		out.WriteString(pieces[random.IntN(len(pieces))])
	}
	return out.String()
}

// The oracle is net/netip, except that zones are refused.
func TestAddressesAreReadAsNetipDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	pieces := []string{":", "::", ":", "1", "0", "ff", "abcd", "1.2.3.4", "10.0.0.1", ".", "255", "256", "01", "g"}
	valid := 0
	for range 60_000 {
		s := noise(random, pieces)
		want, err := netip.ParseAddr(s)
		got, ok := parseAddress(s)
		if ok != (err == nil) || ok && got != want.Unmap() {
			t.Fatalf("%q is %v (%v), want %v (%v)", s, got, ok, want, err)
		}
		if ok {
			valid++
		}
	}
	for _, s := range []string{"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::ffff:1.2.3.4", "64:ff9b::1.2.3.4", "1:2:3:4:5:6:1.2.3.4"} {
		want := netip.MustParseAddr(s).Unmap()
		if got, ok := parseAddress(s); !ok || got != want {
			t.Errorf("%q is %v (%v)", s, got, ok)
		}
	}
	if valid < 150 {
		t.Errorf("only %d of the texts are addresses", valid)
	}
}

// The oracle is package time, which reads no lower case, no space and no second 60.
func TestTimesAreReadAsPackageTimeDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 24))
	for range 40_000 {
		at := time.Unix(random.Int64N(8e9)-3e9, random.Int64N(1e9)).In(time.FixedZone("", (random.IntN(47)-23)*1_800))
		s := at.Format(time.RFC3339Nano)
		if random.IntN(3) == 0 { // spoil a digit
			i := random.IntN(len(s))
			s = s[:i] + string("0123456789-:TZ+."[random.IntN(16)]) + s[i+1:]
		}
		want, err := time.Parse(time.RFC3339Nano, s)
		if day, notDay := time.Parse(time.DateOnly, s); notDay == nil {
			want, err = day, nil
		}
		got, ok := parseTime(s)
		if ok != (err == nil) && !strings.Contains(s, ":60") || ok && err == nil && got != want.UnixMilli() {
			t.Fatalf("%q is %v (%v), want %v (%v)", s, got, ok, want.UnixMilli(), err)
		}
	}
	for _, s := range []string{"0000-01-01", "0000-03-01", "0001-01-01", "1600-02-29", "2000-02-29", "9999-12-31"} {
		want, _ := time.Parse(time.DateOnly, s)
		if got, ok := parseTime(s); !ok || got != want.UnixMilli() {
			t.Errorf("%s is %v (%v), want %v", s, got, ok, want.UnixMilli())
		}
	}
}

// The order is that of section 11 of semver.org 2.0.0.
func TestVersionsAreOrderedAsSemverSays(t *testing.T) {
	ordered := []string{
		"0.0.1", "0.9", "1.0.0-0", "1.0.0-1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
		"1.0.0", "1.0.1", "1.2", "1.10", "2", "10.0.0-a-b", "10.0.0",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			v, okA := parseVersion(a)
			w, okB := parseVersion("v" + b + "+build.1")
			if c := v.compare(&w); !okA || !okB || (c < 0) != (i < j) || (c > 0) != (i > j) {
				t.Errorf("%s against %s: %d", a, b, c)
			}
		}
	}
	for _, s := range []string{"", "v", "1.", "1.2.3.4", "01", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+", "a", "1.2.3 4", "1.2.3-ä", "1-1.x+"} {
		if _, ok := parseVersion(s); ok {
			t.Errorf("%q is a version", s)
		}
	}
}
