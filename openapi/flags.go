package openapi

import (
	"context"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
)

// ListFlags lists a project's flags.
func (s *Server) ListFlags(ctx context.Context, r api.ListFlagsRequestObject) (api.ListFlagsResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	entries, next, err := s.Catalog.Flags(p.State.Key, page(r.Params.Cursor, r.Params.Limit), catalog.Filter{Text: r.Params.Q, Archived: r.Params.Archived})
	if err != nil {
		return nil, err
	}
	out := api.ListFlags200JSONResponse{Items: []api.Flag{}, NextCursor: next}
	for _, e := range entries {
		out.Items = append(out.Items, s.flagAnswer(e, p.State.Environments))
	}
	return out, nil
}

// CreateFlag creates one.
func (s *Server) CreateFlag(ctx context.Context, r api.CreateFlagRequestObject) (api.CreateFlagResponseObject, error) {
	p, err := s.project(ctx, r.Project, nil)
	if err != nil {
		return nil, err
	}
	b := r.Body
	c := flag.Create{
		Project: p.State.Key, Key: domain.FlagKey(b.Key), Name: b.Name, Description: b.Description, Type: flag.Type(b.Type),
		Variants: b.Variants, Default: domain.VariantKey(b.Default), Off: domain.VariantKey(b.Off), Metadata: b.Metadata,
	}
	o := once(ctx, options(ctx, b.Reason, nil), "createFlag", r.Params.IdempotencyKey)
	result, err := s.Commands.Flag(ctx, p.State.Key, c.Key, c, o)
	if err != nil {
		return nil, err
	}
	e := after(s, catalog.Entry[flag.State]{}, result, o.Actor)
	return api.CreateFlag201JSONResponse{
		Body:    s.flagAnswer(e, p.State.Environments),
		Headers: api.CreateFlag201ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

// GetFlag reads one.
func (s *Server) GetFlag(ctx context.Context, r api.GetFlagRequestObject) (api.GetFlagResponseObject, error) {
	e, environments, err := s.flag(ctx, r.Project, r.Flag, nil)
	if err != nil {
		return nil, err
	}
	return api.GetFlag200JSONResponse{Body: s.flagAnswer(e, environments), Headers: api.GetFlag200ResponseHeaders{ETag: etagOf(e.Revision)}}, nil
}

// ChangeFlag changes variants, metadata, name or description. Variants go first, because they are what may be refused.
func (s *Server) ChangeFlag(ctx context.Context, r api.ChangeFlagRequestObject) (api.ChangeFlagResponseObject, error) {
	revision, err := ifMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	was, environments, err := s.flag(ctx, r.Project, r.Flag, revision)
	if err != nil {
		return nil, err
	}
	b := either(r.JSONBody, r.ApplicationMergePatchPlusJSONBody)
	o := options(ctx, b.Reason, seen(revision, was.Revision))
	result := command.Result[flag.State]{State: was.State, Revision: was.Revision, Position: was.Position}
	for _, c := range changesOf(b, &was.State) {
		if result, err = s.Commands.Flag(ctx, was.State.Project, was.State.Key, c, o); err != nil {
			return nil, err
		}
		o.IfRevision = &result.Revision
	}
	e := after(s, was, result, o.Actor)
	return api.ChangeFlag200JSONResponse{
		Body: s.flagAnswer(e, environments), Headers: api.ChangeFlag200ResponseHeaders{ETag: etagOf(e.Revision), AssayPosition: positionOf(e.Position)},
	}, nil
}

func changesOf(b *api.FlagPatch, was *flag.State) (out []flag.Command) {
	if b.Variants != nil {
		out = append(out, flag.ChangeVariants{Variants: b.Variants})
	}
	if b.Metadata != nil {
		out = append(out, flag.ChangeMetadata{Metadata: *b.Metadata})
	}
	if len(out) == 0 || b.Name != nil || b.Description != nil {
		out = append(out, flag.Describe{Name: or(b.Name, was.Name), Description: or(b.Description, was.Description)})
	}
	return out
}

func has(environments []project.Environment, key domain.EnvironmentKey) error {
	if !(project.State{Environments: environments}).Has(key) {
		return notFound("environment", key)
	}
	return nil
}

// GetFlagEnvironment reads what an environment serves.
func (s *Server) GetFlagEnvironment(ctx context.Context, r api.GetFlagEnvironmentRequestObject) (api.GetFlagEnvironmentResponseObject, error) {
	e, environments, err := s.flag(ctx, r.Project, r.Flag, nil)
	if err != nil {
		return nil, err
	}
	key := domain.EnvironmentKey(r.Environment)
	if err := has(environments, key); err != nil {
		return nil, err
	}
	return api.GetFlagEnvironment200JSONResponse{
		Body: environmentAnswer(e.State, key), Headers: api.GetFlagEnvironment200ResponseHeaders{ETag: etagOf(e.Revision)},
	}, nil
}

// ChangeFlagEnvironment switches the flag or changes its targeting in an environment.
func (s *Server) ChangeFlagEnvironment(ctx context.Context, r api.ChangeFlagEnvironmentRequestObject) (api.ChangeFlagEnvironmentResponseObject, error) {
	revision, err := ifMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	was, environments, err := s.flag(ctx, r.Project, r.Flag, nil)
	if err != nil {
		return nil, err
	}
	key := domain.EnvironmentKey(r.Environment)
	if err := has(environments, key); err != nil {
		return nil, err
	}
	b := either(r.JSONBody, r.ApplicationMergePatchPlusJSONBody)
	c := flag.SetEnvironment{Environment: key, On: b.On, Rules: b.Rules, Logic: b.Logic, Default: b.Default}
	c.Overrides, c.Held = b.Overrides, variantKey(b.Held)
	if b.Holdouts != nil {
		holdouts := named[domain.HoldoutKey](*b.Holdouts)
		c.Holdouts = &holdouts
	}
	if b.Off != nil {
		off := domain.VariantKey(*b.Off)
		c.Off = &off
	}
	o := options(ctx, b.Reason, revision)
	result, err := s.Commands.Flag(ctx, was.State.Project, was.State.Key, c, o)
	if err != nil {
		return nil, err
	}
	return api.ChangeFlagEnvironment200JSONResponse{
		Body:    environmentAnswer(result.State, key),
		Headers: api.ChangeFlagEnvironment200ResponseHeaders{ETag: etagOf(result.Revision), AssayPosition: positionOf(result.Position)},
	}, nil
}

// flagCommand gives a flag a command that names nothing but the flag.
func (s *Server) flagCommand(ctx context.Context, in, key, match, reason string, c flag.Command) (api.Flag, projections.Revision, projections.Position, error) {
	revision, err := ifMatch(match)
	if err != nil {
		return api.Flag{}, 0, 0, err
	}
	was, environments, err := s.flag(ctx, in, key, nil)
	if err != nil {
		return api.Flag{}, 0, 0, err
	}
	o := options(ctx, reason, revision)
	result, err := s.Commands.Flag(ctx, was.State.Project, was.State.Key, c, o)
	return s.flagAnswer(after(s, was, result, o.Actor), environments), result.Revision, result.Position, err
}

func variantKey(key *string) *domain.VariantKey {
	if key == nil {
		return nil
	}
	out := domain.VariantKey(*key)
	return &out
}

func named[K ~string](texts []string) []K {
	out := make([]K, len(texts))
	for i, t := range texts {
		out[i] = K(t)
	}
	return out
}

func texts[K ~string](keys []K) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = string(k)
	}
	return out
}

// ArchiveFlag takes a flag out of service, unless another one asks for what it serves: that one could not be served then.
func (s *Server) ArchiveFlag(ctx context.Context, r api.ArchiveFlagRequestObject) (api.ArchiveFlagResponseObject, error) {
	if uses := s.Catalog.UsesOfFlag(domain.ProjectKey(r.Project), domain.FlagKey(r.Flag)); uses.Any() {
		return nil, domain.WrongState("the flag %q asks for what this one serves; change its rules before archiving this one", uses.Flags[0]).WithCode("flag_in_use")
	}
	body, revision, position, err := s.flagCommand(ctx, r.Project, r.Flag, r.Params.IfMatch, why(r.Body), flag.Archive{})
	if err != nil {
		return nil, err
	}
	return api.ArchiveFlag200JSONResponse{Body: body, Headers: api.ArchiveFlag200ResponseHeaders{ETag: etagOf(revision), AssayPosition: positionOf(position)}}, nil
}

// RestoreFlag puts a flag back into service.
func (s *Server) RestoreFlag(ctx context.Context, r api.RestoreFlagRequestObject) (api.RestoreFlagResponseObject, error) {
	body, revision, position, err := s.flagCommand(ctx, r.Project, r.Flag, r.Params.IfMatch, why(r.Body), flag.Restore{})
	if err != nil {
		return nil, err
	}
	return api.RestoreFlag200JSONResponse{Body: body, Headers: api.RestoreFlag200ResponseHeaders{ETag: etagOf(revision), AssayPosition: positionOf(position)}}, nil
}
