package app

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/installation"
	"github.com/assayhq/assay/internal/command"
)

const (
	secretName  = "secret"
	secretBytes = 32
)

// secret is what unit ids are hashed with and personal texts are locked with. It is in no event, no read model and no backup of
// the log: whoever restores one elsewhere brings the secret along, and whoever steals one cannot tell who was measured.
type secret [secretBytes]byte

// String keeps it out of logs.
func (secret) String() string { return "[secret]" }

// key makes a key for one purpose (HMAC-SHA-256 as in HKDF's expand step, RFC 5869).
func (s secret) key(purpose string) []byte {
	mac := hmac.New(sha256.New, s[:])
	mac.Write([]byte("assay/" + purpose + "/1"))
	return mac.Sum(nil)
}

// unitKey is the key that a project's unit ids are hashed with.
func (s secret) unitKey(project domain.ProjectKey) []byte {
	return s.key("unit-ids/" + string(project))
}

// check says in the log which secret this is, and nothing else about it.
func (s secret) check() string { return hex.EncodeToString(s.key("check")[:16]) }

// loadSecret takes the secret from the configuration, else from its file. Without either it makes a new one, which isNew says and
// which is in no file yet.
func loadSecret(c Config) (s secret, isNew bool, err error) {
	text := []byte(c.Secret)
	if len(text) == 0 {
		file := c.secretFile()
		text, err = os.ReadFile(file) //nolint:gosec // the file that the operator named
		if errors.Is(err, fs.ErrNotExist) {
			_, err = rand.Read(s[:])
			return s, true, err
		}
		if err != nil {
			return s, false, fmt.Errorf("reading the secret from %s: %w", file, err)
		}
	}
	raw, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(raw) != secretBytes {
		return s, false, fmt.Errorf("a secret is %d hexadecimal digits; make one with: openssl rand -hex %d", 2*secretBytes, secretBytes)
	}
	return secret(raw), false, nil
}

func (c Config) secretFile() string {
	if c.SecretFile != "" {
		return c.SecretFile
	}
	return filepath.Join(c.Data, secretName)
}

// secretFlags are the flags by which a server is told its secret. The secret itself is no flag: other users of the machine see those.
func secretFlags(f *flag.FlagSet, c *Config) {
	f.StringVar(&c.SecretFile, "secret-file", "", "`file` with the secret that unit ids are hashed with; \"secret\" in the data folder when left out, made at the first start. All nodes of a cluster need the same one (ASSAY_SECRET holds the secret itself). It is in no backup of the log: keep a copy apart")
	f.StringVar(&c.Keys, "keys", "", "`folder` of the keys that what people say is sealed under; \"keys\" in the data folder when left out. All nodes of a cluster share one folder. It is in no backup of the log: keep copies apart, and not for long, because an erased person's key is in them")
	f.BoolVar(&c.NewSecret, "new-secret", false, "begin with another secret than before: every visitor counts as somebody new")
}

// introduce holds the secret against what the log says of it. A new one is kept in its file before it is used for the first time, and
// not before it is known that the log has no other. It waits for a log that is away.
func introduce(ctx context.Context, commands *command.Service, c Config) (secret, error) {
	s, isNew, err := loadSecret(c)
	if err != nil {
		return s, err
	}
	how := command.Options{Actor: "system:start", Reason: "The server started with this secret.", DryRun: true}
	wanted := installation.IntroduceSecret{Check: s.check(), Replace: c.NewSecret}
	result, err := commands.IntroduceSecret(ctx, wanted, how)
	for wait := time.Second; errors.Is(err, command.ErrUnavailable); wait = min(2*wait, 30*time.Second) {
		c.Log.Warn().Err(err).Msg("the log is away; the start waits for it")
		if !pauseFor(ctx, wait) {
			return s, ctx.Err()
		}
		result, err = commands.IntroduceSecret(ctx, wanted, how)
	}
	if r, refused := domain.AsRefusal(err); refused {
		return s, c.otherSecret(r, isNew)
	}
	if err != nil || len(result.Events) == 0 {
		return s, err
	}
	if isNew {
		if err := keepSecret(c.secretFile(), s); err != nil {
			return s, fmt.Errorf("keeping the new secret in %s: %w", c.secretFile(), err)
		}
	}
	how.DryRun = false
	_, err = commands.IntroduceSecret(ctx, wanted, how)
	switch r, refused := domain.AsRefusal(err); {
	case refused: // another node was faster
		return s, c.otherSecret(r, false)
	case errors.Is(err, command.ErrUnavailable), errors.Is(err, command.ErrUnknownOutcome):
		c.Log.Warn().Err(err).Msg("the log takes no writes; that unit ids are hashed with this secret is recorded at the next start")
		return s, nil
	}
	return s, err
}

// otherSecret says what to do about a secret that is not the log's.
func (c Config) otherSecret(r *domain.Refusal, isNew bool) error {
	if isNew {
		return fmt.Errorf("there is no %s, but %s; name it by --secret-file or ASSAY_SECRET, or give up on it by --new-secret", c.secretFile(), r.Sentence)
	}
	return fmt.Errorf("the secret from %s is not the right one: %s; name that one by --secret-file or ASSAY_SECRET, or give up on it by --new-secret", c.secretSource(), r.Sentence)
}

// pauseFor waits, and reports false when ctx ended first.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (c Config) secretSource() string {
	if c.Secret != "" {
		return "ASSAY_SECRET"
	}
	return c.secretFile()
}

// keepSecret writes the file durably, for its owner only, and never over another one.
func keepSecret(file string, s secret) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the file that the operator named
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := fmt.Fprintln(out, hex.EncodeToString(s[:])); err != nil {
		return err
	}
	return out.Sync()
}
