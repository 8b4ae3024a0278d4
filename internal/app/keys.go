package app

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/internal/vault"
	"github.com/assayhq/assay/openapi"
	"github.com/assayhq/assay/projections"
)

const keysName = "keys"

func (c Config) keysFolder() string {
	if c.Keys != "" {
		return c.Keys
	}
	return filepath.Join(c.Data, keysName)
}

// sealing is the vault as the handlers know it.
type sealing struct{ vault *vault.Vault }

var _ openapi.Vault = sealing{}

// Seal implements openapi.Vault.
func (s sealing) Seal(in domain.ProjectKey, subject, id string, text, about []byte) (openapi.Sealed, error) {
	sealed, err := s.vault.Seal(string(in), subject, id, text, about)
	return openapi.Sealed(sealed), err
}

// Unseal implements openapi.Vault: what was erased is ErrSealed.
func (s sealing) Unseal(in domain.ProjectKey, subject, id, key string, sealed []byte) ([]byte, error) {
	text, err := s.vault.Unseal(string(in), subject, id, key, sealed)
	if errors.Is(err, vault.ErrGone) {
		return nil, openapi.ErrSealed
	}
	return text, err
}

// Erase implements openapi.Vault.
func (s sealing) Erase(in domain.ProjectKey, subject string) error {
	return s.vault.Erase(string(in), subject)
}

// forgetInterval is how soon keys are deleted of subjects that another node has erased.
const forgetInterval = time.Second

// forget deletes the keys of erased subjects that are still, or again, in the folder: the subject was erased at another node that
// has a folder of its own, or an old copy of the folder was brought back.
func (s *server) forget(ctx context.Context) error {
	for _, r := range s.configuration() {
		if err := r.WaitCaughtUp(ctx); err != nil {
			return nil //nolint:nilerr // the context ended before the server was ready; that is no failure
		}
	}
	ticker := time.NewTicker(forgetInterval)
	defer ticker.Stop()
	var done projections.Position
	for {
		for _, e := range s.feedback.Erasures(done) {
			if err := s.vault.Forget(string(e.Project), e.Subject, e.Keys); err != nil {
				s.config.Log.Error().Err(err).Msg("a key of an erased subject is still there; it is tried again")
				break
			}
			done = e.Position
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
