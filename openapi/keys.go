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
func (s *Server) issue(ctx context.Context, key apikey.Key, reason string) (api.KeyCreated, error) {
	token, c, err := auth.Mint(s.Random, key)
	if err != nil {
		return api.KeyCreated{}, err
	}
	result, err := s.Commands.Key(ctx, c.Key.ID, c, options(ctx, reason, nil))
	if r, ok := domain.AsRefusal(err); ok && r.Code == "unknown_environment" {
		err = domain.Invalid("/environment", "%s", r.Sentence).WithCode(r.Code) // the body names it, not the path
	}
	if err != nil {
		return api.KeyCreated{}, err
	}
	k := result.State.Key
	return api.KeyCreated{
		Id: string(k.ID), Kind: string(k.Kind), Name: k.Name, Project: string(k.Project), Environment: string(k.Environment),
		Revision: etagOf(result.Revision), Position: positionOf(result.Position), Key: token,
	}, nil
}

// revoke ends the use of a key of a project, or of the installation. Doing it again is fine.
func (s *Server) revoke(ctx context.Context, in domain.ProjectKey, id, match string) (projections.Position, error) {
	revision, err := ifMatch(match)
	if err != nil {
		return 0, err
	}
	e, err := found(ctx, s, revision, "API key", id, func() (catalog.Entry[apikey.State], bool) {
		e, ok := s.Catalog.Key(domain.KeyID(id))
		return e, ok && e.State.Key.Project == in
	})
	if err != nil {
		return 0, err
	}
	result, err := s.Commands.Key(ctx, e.State.Key.ID, apikey.Revoke{}, options(ctx, "", revision))
	return result.Position, err
}

func (s *Server) listKeys(in domain.ProjectKey, p catalog.Page) (api.KeyList, error) {
	entries, next, err := s.Catalog.Keys(in, p)
	out := api.KeyList{Items: []api.Key{}, NextCursor: next}
	for _, e := range entries {
		k := e.State.Key
		out.Items = append(out.Items, api.Key{
			Id: string(k.ID), Kind: string(k.Kind), Name: k.Name, Project: string(k.Project), Environment: string(k.Environment),
			Revision: etagOf(e.Revision), CreatedAt: e.CreatedAt, CreatedBy: string(e.CreatedBy),
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
	created, err := s.issue(ctx, apikey.Key{Kind: apikey.Admin, Name: r.Body.Name}, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.CreateInstallationKey201JSONResponse{Body: created, Headers: api.CreateInstallationKey201ResponseHeaders{ETag: created.Revision, AssayPosition: created.Position}}, nil
}

// RevokeInstallationKey ends the use of one. The caller's own key may be revoked too: that is how a leaked one is got rid of.
func (s *Server) RevokeInstallationKey(ctx context.Context, r api.RevokeInstallationKeyRequestObject) (api.RevokeInstallationKeyResponseObject, error) {
	position, err := s.revoke(ctx, "", r.Key, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.RevokeInstallationKey204Response{Headers: api.RevokeInstallationKey204ResponseHeaders{AssayPosition: positionOf(position)}}, nil
}

// ListKeys lists a project's keys.
func (s *Server) ListKeys(ctx context.Context, r api.ListKeysRequestObject) (api.ListKeysResponseObject, error) {
	if _, err := s.project(ctx, r.Project, nil); err != nil {
		return nil, err
	}
	list, err := s.listKeys(domain.ProjectKey(r.Project), page(r.Params.Cursor, r.Params.Limit))
	return api.ListKeys200JSONResponse(list), err
}

// CreateKey issues a key of a project.
func (s *Server) CreateKey(ctx context.Context, r api.CreateKeyRequestObject) (api.CreateKeyResponseObject, error) {
	if _, err := s.project(ctx, r.Project, nil); err != nil {
		return nil, err
	}
	key := apikey.Key{
		Kind: apikey.Kind(r.Body.Kind), Name: r.Body.Name, Project: domain.ProjectKey(r.Project), Environment: domain.EnvironmentKey(r.Body.Environment),
	}
	created, err := s.issue(ctx, key, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.CreateKey201JSONResponse{Body: created, Headers: api.CreateKey201ResponseHeaders{ETag: created.Revision, AssayPosition: created.Position}}, nil
}

// RevokeKey ends the use of a key.
func (s *Server) RevokeKey(ctx context.Context, r api.RevokeKeyRequestObject) (api.RevokeKeyResponseObject, error) {
	position, err := s.revoke(ctx, domain.ProjectKey(r.Project), r.Key, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.RevokeKey204Response{Headers: api.RevokeKey204ResponseHeaders{AssayPosition: positionOf(position)}}, nil
}
