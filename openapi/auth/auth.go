// Package auth says who is calling and what they may do. It is for the middleware in front of every handler, and for whoever
// issues keys.
//
// # The model
//
// A token is assay_<kind>_<id>_<secret>. The id finds the key, the SHA-256 of the secret is compared with the key's in
// constant time; secrets have 256 random bits, so a fast hash is enough. What a key may do is one table from operation to
// kinds and scope; an operation that is not in the table is for nobody.
package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
)

// Principal is an authenticated caller.
type Principal struct {
	Key         domain.KeyID
	Kind        apikey.Kind
	Project     domain.ProjectKey     // empty: the whole installation
	Environment domain.EnvironmentKey // of server and client keys
}

// Actor is how the principal is named in the log.
func (p Principal) Actor() domain.Actor { return domain.Actor("key:" + string(p.Key)) }

// Sees reports whether the principal may know that the project exists.
func (p Principal) Sees(project domain.ProjectKey) bool {
	return p.Project == "" || p.Project == project
}

const (
	tokenPrefix = "assay"
	idBytes     = 6
	secretBytes = 32
	// channelBytes is how much of the HMAC a channel shows: enough that nobody finds it by trying.
	channelBytes = 16
)

// Mint makes a token and the command that lets it be used. key says everything but the hash, and the id, which is random when
// it is empty; random is a source of cryptographic randomness.
func Mint(random io.Reader, key apikey.Key) (token string, issue apikey.Issue, err error) {
	var raw [idBytes + secretBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", apikey.Issue{}, fmt.Errorf("making a key: %w", err)
	}
	if key.ID == "" {
		key.ID = domain.KeyID(hex.EncodeToString(raw[:idBytes]))
	}
	secret := hex.EncodeToString(raw[idBytes:])
	key.Hash = hashOf(secret)
	return strings.Join([]string{tokenPrefix, string(key.Kind), string(key.ID), secret}, "_"), apikey.Issue{Key: key}, nil
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Keys looks a key up by its id.
type Keys func(domain.KeyID) (apikey.State, bool)

// Authenticate returns who the token belongs to; ok is false for a token that is malformed, unknown, wrong or revoked, and
// nobody learns which.
func (k Keys) Authenticate(token string) (p Principal, ok bool) {
	parts := strings.Split(token, "_")
	if len(parts) != 4 || parts[0] != tokenPrefix {
		return Principal{}, false
	}
	state, found := k(domain.KeyID(parts[2]))
	same := subtle.ConstantTimeCompare([]byte(hashOf(parts[3])), []byte(state.Key.Hash)) == 1
	if !found || !same || state.Revoked || parts[1] != string(state.Key.Kind) {
		return Principal{}, false
	}
	key := state.Key
	return Principal{Key: key.ID, Kind: key.Kind, Project: key.Project, Environment: key.Environment}, true
}

// IsToken reports whether the text has the form of a key, whoever's it is.
func IsToken(text string) bool {
	return strings.HasPrefix(text, tokenPrefix+"_") && strings.Count(text, "_") == 3
}

// Channel is the token that opens the key's event stream and nothing else: a browser can send it only in an address, where it
// may be seen. It is good as long as the key is, because clients keep the address.
func Channel(key apikey.Key) string {
	mac := hmac.New(sha256.New, []byte(key.Hash))
	mac.Write([]byte("ofrep events"))
	return string(key.ID) + "." + hex.EncodeToString(mac.Sum(nil)[:channelBytes])
}

// OfChannel returns whose event stream the token opens.
func (k Keys) OfChannel(token string) (p Principal, ok bool) {
	id, _, _ := strings.Cut(token, ".")
	state, found := k(domain.KeyID(id))
	same := subtle.ConstantTimeCompare([]byte(token), []byte(Channel(state.Key))) == 1
	if !found || !same || state.Revoked {
		return Principal{}, false
	}
	key := state.Key
	return Principal{Key: key.ID, Kind: key.Kind, Project: key.Project, Environment: key.Environment}, true
}

// Token finds the token in a request: Authorization: Bearer, X-API-Key, or the password of Authorization: Basic where basic
// is allowed.
func Token(r *http.Request, basic bool) (token string, there bool) {
	if value := r.Header.Get("X-API-Key"); value != "" {
		return value, true
	}
	header := r.Header.Get("Authorization")
	if scheme, value, ok := strings.Cut(header, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(value), true
	}
	if _, password, ok := r.BasicAuth(); ok && basic {
		return password, true
	}
	return "", header != ""
}
