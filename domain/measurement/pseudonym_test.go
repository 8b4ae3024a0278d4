package measurement_test

import (
	"strconv"
	"testing"

	"github.com/assayhq/assay/domain/measurement"
)

// The oracle is the command line: printf 'user\0user-1' | openssl dgst -sha256 -mac HMAC -macopt key:0123456789abcdef -binary | head -c 16 | base64
func TestAPseudonymIsAKeyedHash(t *testing.T) {
	p := measurement.NewPseudonyms([]byte("0123456789abcdef"))
	const want = "h1.BnfbV8poHjrISO7wnTEzIQ"
	for range 2 {
		if got := p.Of("user", "user-1"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for i := range 2_000 { // more than are remembered
		name := "user-" + strconv.Itoa(i)
		if got, want := p.Of("user", name), measurement.NewPseudonyms([]byte("0123456789abcdef")).Of("user", name); got != want || p.Of("user", name) != want {
			t.Fatalf("%s: got %s, want %s", name, got, want)
		}
	}
	seen := map[string]bool{want: true}
	for _, other := range []string{
		p.Of("user", "user-2"), p.Of("account", "user-1"), p.Of("use", "r\x00user-1"), measurement.NewPseudonyms([]byte("0123456789abcdee")).Of("user", "user-1"),
	} {
		if seen[other] || len(other) != len(want) {
			t.Errorf("%s is not one of a kind", other)
		}
		seen[other] = true
	}
}

func BenchmarkPseudonym(b *testing.B) {
	p := measurement.NewPseudonyms([]byte("0123456789abcdef"))
	for name, different := range map[string]int{"new": 1 << 20, "again": 1} {
		b.Run(name, func(b *testing.B) {
			units := make([]string, min(different, 4_096))
			for i := range units {
				units[i] = "5f0c3a9d-1b2e-4f60-9a3e-" + strconv.Itoa(100_000_000_000+i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				p.Of("user", units[i%len(units)])
			}
		})
	}
}
