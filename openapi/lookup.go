package openapi

import (
	"context"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/layer"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/catalog"
)

// found looks a thing up in the catalogue. Where it isn't there, or not as new as the caller has seen it, the catalogue may
// be behind the log: it is given the time to catch up, once.
func found[S any](ctx context.Context, s *Server, seen *projections.Revision, what string, key any, look func() (catalog.Entry[S], bool)) (catalog.Entry[S], error) {
	e, ok := look()
	if !ok || seen != nil && e.Revision < *seen {
		if err := s.catchUp(ctx); err != nil {
			return e, err
		}
		e, ok = look()
	}
	if !ok {
		return e, notFound(what, key)
	}
	return e, nil
}

func (s *Server) project(ctx context.Context, key string, seen *projections.Revision) (catalog.Entry[project.State], error) {
	return found(ctx, s, seen, "project", key, func() (catalog.Entry[project.State], bool) {
		return s.Catalog.Project(domain.ProjectKey(key))
	})
}

// flag returns a flag and the environments it can be in.
func (s *Server) flag(ctx context.Context, in, key string, seen *projections.Revision) (catalog.Entry[flag.State], []project.Environment, error) {
	p, err := s.project(ctx, in, nil)
	if err != nil {
		return catalog.Entry[flag.State]{}, nil, err
	}
	e, err := found(ctx, s, seen, "flag", key, func() (catalog.Entry[flag.State], bool) {
		return s.Catalog.Flag(p.State.Key, domain.FlagKey(key))
	})
	return e, p.State.Environments, err
}

func (s *Server) segment(ctx context.Context, in, key string, seen *projections.Revision) (catalog.Entry[segment.State], error) {
	p, err := s.project(ctx, in, nil)
	if err != nil {
		return catalog.Entry[segment.State]{}, err
	}
	return found(ctx, s, seen, "segment", key, func() (catalog.Entry[segment.State], bool) {
		return s.Catalog.Segment(p.State.Key, domain.SegmentKey(key))
	})
}

func (s *Server) layer(ctx context.Context, in, key string, seen *projections.Revision) (catalog.Entry[layer.State], error) {
	p, err := s.project(ctx, in, nil)
	if err != nil {
		return catalog.Entry[layer.State]{}, err
	}
	return found(ctx, s, seen, "layer", key, func() (catalog.Entry[layer.State], bool) {
		return s.Catalog.Layer(p.State.Key, domain.LayerKey(key))
	})
}

func (s *Server) holdout(ctx context.Context, in, key string, seen *projections.Revision) (catalog.Entry[holdout.State], error) {
	p, err := s.project(ctx, in, nil)
	if err != nil {
		return catalog.Entry[holdout.State]{}, err
	}
	return found(ctx, s, seen, "holdout", key, func() (catalog.Entry[holdout.State], bool) {
		return s.Catalog.Holdout(p.State.Key, domain.HoldoutKey(key))
	})
}

func (s *Server) metric(ctx context.Context, in, key string, seen *projections.Revision) (catalog.Entry[metric.State], error) {
	p, err := s.project(ctx, in, nil)
	if err != nil {
		return catalog.Entry[metric.State]{}, err
	}
	return found(ctx, s, seen, "metric", key, func() (catalog.Entry[metric.State], bool) {
		return s.Catalog.Metric(p.State.Key, domain.MetricKey(key))
	})
}

func (s *Server) experiment(ctx context.Context, in, key string, seen *projections.Revision) (catalog.Entry[experiment.State], error) {
	p, err := s.project(ctx, in, nil)
	if err != nil {
		return catalog.Entry[experiment.State]{}, err
	}
	return found(ctx, s, seen, "experiment", key, func() (catalog.Entry[experiment.State], bool) {
		return s.Catalog.Experiment(p.State.Key, domain.ExperimentKey(key))
	})
}

// catchUp waits until the configuration that is in the log now can be read.
func (s *Server) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.LongestWait)
	defer cancel()
	head, err := s.Head(ctx)
	if err != nil {
		return err
	}
	return wait(ctx, s.configuration, head)
}

// waitFor waits, not too long, until the read models have reached the position.
func (s *Server) waitFor(ctx context.Context, runners []*projections.Runner, position projections.Position) error {
	ctx, cancel := context.WithTimeout(ctx, s.LongestWait)
	defer cancel()
	return wait(ctx, runners, position)
}

func wait(ctx context.Context, runners []*projections.Runner, position projections.Position) error {
	for _, r := range runners {
		if err := r.Wait(ctx, position); err != nil {
			return behind("the read models have not reached position %d yet; try again in a moment", position)
		}
	}
	return nil
}

// settle holds the answer of a write back until this server can read it, so that the caller's next request finds it here. It
// gives up after a while: the write has happened, and min_position finds it anywhere.
func (s *Server) settle(c echo.Context) {
	text := c.Response().Header().Get(positionHeader)
	position, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return // not a write
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), s.LongestWait)
	defer cancel()
	if err := wait(ctx, s.configuration, projections.Position(position)); err != nil {
		s.Log.Warn().Str("request_id", requestID(c)).Uint64("position", position).Msg("a write is answered before it can be read")
	}
}

const positionHeader = "Assay-Position"
