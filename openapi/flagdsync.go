package openapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/sync/v1/syncv1connect"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/apikey"
	"github.com/assayhq/assay/openapi/auth"
	"github.com/assayhq/assay/projections/catalog"
	"github.com/assayhq/assay/projections/ruleset"
)

// flagdSync is flagd's sync protocol (flagd.sync.v1): the in-process providers of all languages get the definitions of an
// environment and every change of them. GetMetadata answers that it is not implemented, which is what its clients tolerate.
type flagdSync struct {
	syncv1connect.UnimplementedFlagSyncServiceHandler
	rulesets *ruleset.Projection
	catalog  *catalog.Projection
	keys     auth.Keys
	sets     *flagdSets
	closing  <-chan struct{}
	streams  *atomic.Int64
	most     int64
	recheck  time.Duration
	// open: whoever reaches the listener may read; it is the listener that decides who does.
	open bool
	// keyInSelector: the selector may be an API key, for clients that can send nothing else. They show it in telemetry.
	keyInSelector bool
}

const (
	selectorHeader  = "flagd-selector"
	maxSyncRequest  = 64 << 10
	flagSetSelector = "flagSetId"
)

func (f *flagdSync) handler() (path string, h http.Handler) {
	return syncv1connect.NewFlagSyncServiceHandler(f, connect.WithReadMaxBytes(maxSyncRequest))
}

// NewFlagdSync makes the handler of a listener for flagd's sync protocol alone, whose callers need no key: flagd's providers for
// JavaScript, .NET and Rust cannot send one. They name what they want by the selector flagSetId=<project>/<environment>.
func NewFlagdSync(ctx context.Context, d Dependencies) http.Handler {
	f := newFlagdSync(d, ctx.Done(), new(atomic.Int64), &flagdSets{})
	f.open = true
	path, h := f.handler()
	mux := http.NewServeMux()
	mux.Handle(path, h)
	return mux
}

func newFlagdSync(d Dependencies, closing <-chan struct{}, streams *atomic.Int64, sets *flagdSets) *flagdSync {
	most := d.MaxStreams
	if most == 0 {
		most = defaultMaxStreams
	}
	return &flagdSync{
		rulesets: d.Rulesets, catalog: d.Catalog, keys: keysOf(d.Catalog), sets: sets, closing: closing, streams: streams, most: most,
		recheck: keyRecheck, keyInSelector: d.FlagdKeyInSelector,
	}
}

// caller is who asks, and for which environment.
type caller struct {
	key   domain.KeyID // empty where no key is needed
	place ruleset.Place
}

// FetchAllFlags answers the definitions once.
func (f *flagdSync) FetchAllFlags(_ context.Context, r *connect.Request[syncv1.FetchAllFlagsRequest]) (*connect.Response[syncv1.FetchAllFlagsResponse], error) {
	who, err := f.admit(r.Header(), r.Msg.GetSelector()) //nolint:staticcheck // clients still send it, some nothing else
	if err != nil {
		return nil, err
	}
	set, err := f.current(who.place)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&syncv1.FetchAllFlagsResponse{FlagConfiguration: string(set.JSON)}), nil
}

// SyncFlags sends the definitions at once and after every change, until the client, its key or the server ends. Changes that
// come faster than they are sent are one.
func (f *flagdSync) SyncFlags(ctx context.Context, r *connect.Request[syncv1.SyncFlagsRequest], out *connect.ServerStream[syncv1.SyncFlagsResponse]) error {
	who, err := f.admit(r.Header(), r.Msg.GetSelector()) //nolint:staticcheck // clients still send it, some nothing else
	if err != nil {
		return err
	}
	if f.streams.Add(1) > f.most {
		f.streams.Add(-1)
		return connect.NewError(connect.CodeUnavailable, errors.New("the server has all the streams it can bear; try again later"))
	}
	defer f.streams.Add(-1)
	changes, cancel := f.rulesets.Subscribe(who.place)
	defer cancel()
	recheck := time.NewTicker(f.recheck)
	defer recheck.Stop()
	var sent *flagdSet
	for {
		set, err := f.current(who.place)
		if err != nil {
			return err
		}
		if set != sent {
			if err := out.Send(&syncv1.SyncFlagsResponse{FlagConfiguration: string(set.JSON)}); err != nil {
				return err
			}
			sent = set
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.closing:
			return connect.NewError(connect.CodeUnavailable, errors.New("the server is shutting down; connect again"))
		case <-changes:
		case <-recheck.C:
		}
		if !f.stillGood(who.key) {
			return connect.NewError(connect.CodeUnauthenticated, errors.New("the API key was revoked; use another"))
		}
	}
}

func (f *flagdSync) stillGood(key domain.KeyID) bool {
	if key == "" {
		return true
	}
	e, ok := f.catalog.Key(key)
	return ok && e.Problem == "" && !e.State.Revoked
}

func (f *flagdSync) current(place ruleset.Place) (*flagdSet, error) {
	served, ok := f.rulesets.Current(place)
	if !ok {
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("there is no environment %s/%s; name one as %s=<project>/<environment>", place.Project, place.Environment, flagSetSelector))
	}
	set, err := f.sets.get(place, served)
	if err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	return set, nil
}

// admit finds out who is calling and for what. The header wins over the message's selector, as in flagd.
func (f *flagdSync) admit(header http.Header, selector string) (who caller, err error) {
	if h := header.Get(selectorHeader); h != "" {
		selector = h
	}
	value, err := valueOf(selector)
	if err != nil {
		return who, err
	}
	token, _ := auth.Token(&http.Request{Header: header}, false)
	if auth.IsToken(value) {
		if !f.keyInSelector {
			return who, connect.NewError(connect.CodeUnauthenticated, errors.New(
				"an API key in the selector ends in the client's telemetry, so this server takes none; send it as a header, or see --flagd-key-in-selector"))
		}
		if token == "" {
			token = value
		}
		value = ""
	}
	if token == "" && !f.open {
		return who, connect.NewError(connect.CodeUnauthenticated, errors.New("an API key is missing; send it as the header authorization: Bearer KEY or x-api-key"))
	}
	who.place.Project, who.place.Environment = placeNamed(value)
	if token == "" {
		if value == "" {
			return who, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("the selector is missing; name the environment as %s=<project>/<environment>", flagSetSelector))
		}
		return who, nil
	}
	return f.admitKey(who, token)
}

// admitKey fills in what the key knows of the environment, and refuses what it may not see.
func (f *flagdSync) admitKey(who caller, token string) (caller, error) {
	p, known := f.keys.Authenticate(token)
	if !known {
		return who, connect.NewError(connect.CodeUnauthenticated, errors.New("the API key is not known or was revoked; use another"))
	}
	if p.Kind == apikey.Client {
		return who, connect.NewError(connect.CodePermissionDenied, errors.New("a client key may not read rules; use a server key"))
	}
	who.key = p.Key
	if who.place.Project == "" {
		who.place.Project = p.Project
	}
	if who.place.Environment == "" {
		who.place.Environment = p.Environment
	}
	if !p.Sees(who.place.Project) || p.Environment != "" && p.Environment != who.place.Environment {
		return who, connect.NewError(connect.CodePermissionDenied, fmt.Errorf("the API key is not for %s/%s; leave the selector out, or use another key", who.place.Project, who.place.Environment))
	}
	if who.place.Project == "" || who.place.Environment == "" {
		return who, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("an admin key belongs to no environment; name one by the selector %s=<project>/<environment>", flagSetSelector))
	}
	return who, nil
}

// valueOf reads a selector: key=value with the key flagSetId or source, or a value alone.
func valueOf(selector string) (string, error) {
	key, value, isPair := strings.Cut(selector, "=")
	switch {
	case !isPair:
		return selector, nil
	case key == flagSetSelector || key == "source":
		return value, nil
	}
	return "", connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("the selector has the key %q; it is %s=<project>/<environment>", key, flagSetSelector))
}

func placeNamed(value string) (domain.ProjectKey, domain.EnvironmentKey) {
	project, environment, _ := strings.Cut(value, "/")
	return domain.ProjectKey(project), domain.EnvironmentKey(environment)
}
