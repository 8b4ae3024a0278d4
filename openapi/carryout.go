package openapi

import (
	"context"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
)

// change is a request to change something that is there.
type change struct {
	project, key string
	match        string // If-Match
	reason       string
	// partial: what the request does not name stays as it was read here, so nobody may have changed it meanwhile, also when the caller does
	// not say which revision they have seen.
	partial bool
}

// carryOut finds what a request is about and gives it, one after the other, the commands that are made from what it is now; it returns
// what it is then.
func carryOut[S, C any, K ~string](
	ctx context.Context, s *Server,
	find func(ctx context.Context, project, key string, seen *projections.Revision) (catalog.Entry[S], error),
	do func(context.Context, domain.ProjectKey, K, C, command.Options) (command.Result[S], error),
	asked change, commands func(was S) []C,
) (catalog.Entry[S], error) {
	revision, err := ifMatch(asked.match)
	if err != nil {
		return catalog.Entry[S]{}, err
	}
	e, err := find(ctx, asked.project, asked.key, revision)
	if err != nil {
		return e, err
	}
	if asked.partial {
		revision = seen(revision, e.Revision)
	}
	o := options(ctx, asked.reason, revision)
	for _, c := range commands(e.State) {
		result, err := do(ctx, domain.ProjectKey(asked.project), K(asked.key), c, o)
		if err != nil {
			return e, err
		}
		e = after(s, e, result, o.Actor)
		o.IfRevision = &e.Revision
	}
	return e, nil
}

// only is one command, whatever the thing is now.
func only[S, C any](c C) func(S) []C {
	return func(S) []C { return []C{c} }
}
