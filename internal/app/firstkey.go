package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/openapi/auth"
)

// firstAdminKey makes an admin key when the installation has none in use, and returns what opens with it; empty when there is one,
// or when ctx ended.
//
// Nodes may start at once on an empty cluster. The first key of an installation has a fixed id, so there is one stream that all
// of them append to as its first event: one wins, and the others find its key there and show nothing. When that key has
// been revoked, and every other one, too, the next in the row is made.
func (s *server) firstAdminKey(ctx context.Context) (token string, err error) {
	for n := 1; token == "" && ctx.Err() == nil && !s.catalog.AnyAdminKey(); n++ {
		id := firstKeyID(n)
		if _, known := s.catalog.Key(id); known {
			continue
		}
		if token, err = s.issueFirst(ctx, id); err != nil {
			break
		}
	}
	switch {
	case ctx.Err() != nil:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("making the first admin key: %w", err)
	}
	return token, nil
}

func firstKeyID(n int) domain.KeyID {
	if n == 1 {
		return "first"
	}
	return domain.KeyID(fmt.Sprintf("first%d", n))
}

// issueFirst issues a key of this id and waits until every read model knows it. The token is empty when another node was faster.
func (s *server) issueFirst(ctx context.Context, id domain.KeyID) (string, error) {
	token, issue, err := auth.Mint(rand.Reader, apikey.Key{ID: id, Kind: apikey.Admin, Name: "first admin key"})
	if err != nil {
		return "", err
	}
	at, err := s.recordFirst(ctx, issue)
	if _, refused := domain.AsRefusal(err); refused {
		token = ""
		at, err = s.log.Head(ctx)
	}
	if err != nil {
		return "", err
	}
	for _, r := range s.configuration() {
		if err := r.Wait(ctx, at); err != nil {
			return "", err
		}
	}
	return token, nil
}

// recordFirst records a key. While a cluster does not answer it asks again for the same: nobody would ever see a key that was
// recorded by an attempt that was given up.
func (s *server) recordFirst(ctx context.Context, issue apikey.Issue) (command.Position, error) {
	how := command.Options{Actor: "system:start", Reason: "The installation had no admin key.", CommandID: "first admin key " + issue.Key.Hash}
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		result, err := s.commands.Key(ctx, issue.Key.ID, issue, how)
		away := errors.Is(err, command.ErrUnavailable) || errors.Is(err, command.ErrUnknownOutcome)
		if !away || s.config.Store == "" {
			return result.Position, err
		}
		s.config.Log.Warn().Err(err).Msg("the log is away; the first admin key waits for it")
		if !pauseFor(ctx, wait) {
			return 0, ctx.Err()
		}
	}
}
