package measurement

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"

	"github.com/assayhq/assay/domain"
)

// pseudonymPrefix marks the first way of making pseudonyms.
const pseudonymPrefix = "h1."

// pseudonymBytes is how much of the hash is kept: two of a hundred million units share 128 bits with probability 1.5e-23.
const pseudonymBytes = 16

// pseudonymText is how many characters that takes.
const pseudonymText = 22

// Pseudonyms replaces unit ids by keyed hashes: the same unit always gets the same one under the same key, and without the key
// nobody can find out whose it is, not even by trying all ids there are. Not for concurrent use.
type Pseudonyms struct {
	mac   hash.Hash
	sum   [sha256.Size]byte
	text  []byte
	known [knownUnits]pseudonym // those made last, in the places that their hashes say
}

// knownUnits is how many units are remembered: those of one request, which often says several things of the same one.
const knownUnits = 256

type pseudonym struct {
	unitType   domain.UnitType
	unit, made string
}

// NewPseudonyms makes pseudonyms under a key of at least 16 bytes, one per project.
func NewPseudonyms(key []byte) *Pseudonyms { return &Pseudonyms{mac: hmac.New(sha256.New, key)} }

// Of is the pseudonym of a unit: "h1." and 22 characters of base64url, the first 128 bits of HMAC-SHA-256 (RFC 2104) of the unit
// type, a zero byte and the unit id.
func (p *Pseudonyms) Of(t domain.UnitType, unit string) string {
	at := &p.known[offset64.text(string(t)).text(unit)%knownUnits]
	if at.made == "" || at.unit != unit || at.unitType != t {
		*at = pseudonym{unitType: t, unit: unit, made: p.make(t, unit)}
	}
	return at.made
}

func (p *Pseudonyms) make(t domain.UnitType, unit string) string {
	p.text = append(append(append(p.text[:0], t...), 0), unit...)
	p.mac.Reset()
	p.mac.Write(p.text)
	sum := p.mac.Sum(p.sum[:0])
	return pseudonymOf(sum[:pseudonymBytes])
}

func pseudonymOf(raw []byte) string {
	var text [len(pseudonymPrefix) + pseudonymText]byte
	return string(base64.RawURLEncoding.AppendEncode(append(text[:0], pseudonymPrefix...), raw))
}
