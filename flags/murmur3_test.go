package flags

import "testing"

// The values come from github.com/twmb/murmur3 v1.1.8; those of "test" and the two sentences also stand in Wikipedia's article
// MurmurHash.
func TestMurmur3GivesTheReferenceValuesWhereverTheSaltEnds(t *testing.T) {
	for text, want := range map[string]uint32{
		"":              0x00000000,
		"a":             0x3c2569b2,
		"ab":            0x9bbfd75f,
		"abc":           0xb3dd93fa,
		"abcd":          0x43ed676a,
		"abcde":         0xe89b9af6,
		"test":          0xba6bd213,
		"Hello, world!": 0xc0363e43,
		"The quick brown fox jumps over the lazy dog": 0x2e4ff723,
		"Zoë": 0x86712d1a,
		"用户1": 0xe41c0cff,
	} {
		for end := range len(text) + 1 {
			if got := (hasher{}).write(text[:end]).write(text[end:]).sum(); got != want {
				t.Errorf("%q after the salt %q: %#08x, want %#08x", text[end:], text[:end], got, want)
			}
		}
	}
}
