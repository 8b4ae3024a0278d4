package openapi

import (
	"context"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/openapi/auth"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
)

// issue makes a key and returns it with its secret.
func (s *Server) issue(ctx context.Context, key apikey.Key, reason string) (api.KeyCreated, string, error) {
	token, c, err := auth.Mint(s.Random, key)
	if err != nil {
		return api.KeyCreated{}, "", err
	}
	result, err := s.Commands.Key(ctx, c.Key.ID, c, options(ctx, reason, nil))
	if err != nil {
		return api.KeyCreated{}, "", err
	}
	k := result.State.Key
	return api.KeyCreated{
		Id: string(k.ID), Kind: string(k.Kind), Name: k.Name, Project: string(k.Project), Environment: string(k.Environment), Key: token,
	}, positionOf(result.Position), nil
}

func (s *Server) revoke(ctx context.Context, in domain.ProjectKey, id string) (projections.Position, error) {
	e, ok := s.Catalog.Key(domain.KeyID(id))
	if !ok || e.State.Key.Project != in {
		return 0, notFound("API key", id)
	}
	result, err := s.Commands.Key(ctx, e.State.Key.ID, apikey.Revoke{}, options(ctx, "", nil))
	return result.Position, err
}

func (s *Server) listKeys(in domain.ProjectKey, p catalog.Page) (api.KeyList, error) {
	entries, next, err := s.Catalog.Keys(in, p)
	out := api.KeyList{Items: []api.Key{}, NextCursor: next}
	for _, e := range entries {
		k := e.State.Key
		out.Items = append(out.Items, api.Key{
			Id: string(k.ID), Kind: string(k.Kind), Name: k.Name, Project: string(k.Project), Environment: string(k.Environment),
			CreatedAt: e.CreatedAt, CreatedBy: string(e.CreatedBy),
		})
	}
	return out, err
}

// ListInstallationKeys lists the admin keys of the installation.
func (s *Server) ListInstallationKeys(_ context.Context, r api.ListInstallationKeysRequestObject) (api.ListInstallationKeysResponseObject, error) {
	list, err := s.listKeys("", page(r.Params.Cursor, r.Params.Limit))
	return api.ListInstallationKeys200JSONResponse(list), err
}

// CreateInstallationKey issues an admin key of the installation.
func (s *Server) CreateInstallationKey(ctx context.Context, r api.CreateInstallationKeyRequestObject) (api.CreateInstallationKeyResponseObject, error) {
	created, position, err := s.issue(ctx, apikey.Key{Kind: apikey.Admin, Name: r.Body.Name}, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.CreateInstallationKey201JSONResponse{Body: created, Headers: api.CreateInstallationKey201ResponseHeaders{AssayPosition: position}}, nil
}

// RevokeInstallationKey ends the use of one. The caller's own key may be revoked too: that is how a leaked one is got rid of.
func (s *Server) RevokeInstallationKey(ctx context.Context, r api.RevokeInstallationKeyRequestObject) (api.RevokeInstallationKeyResponseObject, error) {
	position, err := s.revoke(ctx, "", r.Key)
	if err != nil {
		return nil, err
	}
	return api.RevokeInstallationKey204Response{Headers: api.RevokeInstallationKey204ResponseHeaders{AssayPosition: positionOf(position)}}, nil
}

// ListKeys lists a project's keys.
func (s *Server) ListKeys(_ context.Context, r api.ListKeysRequestObject) (api.ListKeysResponseObject, error) {
	if _, err := s.project(r.Project); err != nil {
		return nil, err
	}
	list, err := s.listKeys(domain.ProjectKey(r.Project), page(r.Params.Cursor, r.Params.Limit))
	return api.ListKeys200JSONResponse(list), err
}

// CreateKey issues a key of a project.
func (s *Server) CreateKey(ctx context.Context, r api.CreateKeyRequestObject) (api.CreateKeyResponseObject, error) {
	if _, err := s.project(r.Project); err != nil {
		return nil, err
	}
	key := apikey.Key{
		Kind: apikey.Kind(r.Body.Kind), Name: r.Body.Name, Project: domain.ProjectKey(r.Project), Environment: domain.EnvironmentKey(r.Body.Environment),
	}
	created, position, err := s.issue(ctx, key, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.CreateKey201JSONResponse{Body: created, Headers: api.CreateKey201ResponseHeaders{AssayPosition: position}}, nil
}

// RevokeKey ends the use of a key.
func (s *Server) RevokeKey(ctx context.Context, r api.RevokeKeyRequestObject) (api.RevokeKeyResponseObject, error) {
	position, err := s.revoke(ctx, domain.ProjectKey(r.Project), r.Key)
	if err != nil {
		return nil, err
	}
	return api.RevokeKey204Response{Headers: api.RevokeKey204ResponseHeaders{AssayPosition: positionOf(position)}}, nil
}
