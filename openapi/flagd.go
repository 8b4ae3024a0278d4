package openapi

import (
	"context"
	"net/http"
	"sync"

	"github.com/assayhq/assay/flags/flagdsync"
	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections/ruleset"
)

// flagdSets are the environments as flagd's definitions, each made when somebody asks for it and kept until the environment
// changes.
type flagdSets struct {
	mu  sync.Mutex
	all map[ruleset.Place]*flagdSet
}

type flagdSet struct {
	of   *ruleset.Served
	once sync.Once
	flagdsync.Set
	err error
}

func (s *flagdSets) get(place ruleset.Place, served *ruleset.Served) (*flagdSet, error) {
	s.mu.Lock()
	if s.all == nil {
		s.all = map[ruleset.Place]*flagdSet{}
	}
	set := s.all[place]
	if set == nil || set.of != served {
		set = &flagdSet{of: served}
		s.all[place] = set
	}
	s.mu.Unlock()
	set.once.Do(func() { set.Set, set.err = flagdsync.Export(served.Snapshot(), served.Ruleset.Problems()) })
	return set, set.err
}

func (s *Server) flagdSet(ctx context.Context) (*flagdSet, error) {
	served, err := s.served(ctx)
	if err != nil {
		return nil, err
	}
	return s.sets.get(placeOf(ctx), served)
}

// GetFlagdFlags answers the environment's flags as definitions of flagd's, for daemons that poll and for files.
func (s *Server) GetFlagdFlags(ctx context.Context, r api.GetFlagdFlagsRequestObject) (api.GetFlagdFlagsResponseObject, error) {
	set, err := s.flagdSet(ctx)
	if err != nil {
		return nil, err
	}
	tag := `"flagd-` + positionOf(set.of.Revision) + `"`
	if noneMatch(r.Params.IfNoneMatch, tag) {
		return blob{status: http.StatusNotModified, etag: tag}, nil
	}
	return blob{contentType: jsonType, etag: tag, body: set.JSON}, nil
}

// GetFlagdProblems answers which flags flagd cannot express, and why.
func (s *Server) GetFlagdProblems(ctx context.Context, _ api.GetFlagdProblemsRequestObject) (api.GetFlagdProblemsResponseObject, error) {
	set, err := s.flagdSet(ctx)
	if err != nil {
		return nil, err
	}
	out := api.GetFlagdProblems200JSONResponse{Items: []api.FlagdProblem{}}
	for _, p := range set.Problems {
		out.Items = append(out.Items, api.FlagdProblem{Flag: p.Flag, Detail: p.Detail})
	}
	return out, nil
}
