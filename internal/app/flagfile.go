package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/flags/flagdsync"
	"github.com/assayhq/assay/internal/command"
	"github.com/assayhq/assay/projections/ruleset"
)

// flagFileInterval is how often the file of flags is looked at. Its text is compared, because what keeps such files in place
// (git, Kubernetes) does not always touch their times.
const flagFileInterval = time.Second

// flagFile serves an environment from a file of flagd's.
type flagFile struct {
	path  string
	place ruleset.Place
	text  []byte // as it was served last
}

func newFlagFile(path, place string) (*flagFile, error) {
	in, environment, ok := strings.Cut(place, "/")
	if !ok || in == "" || environment == "" {
		return nil, fmt.Errorf("the flags of a file belong to a project and an environment, like flags/production, not to %q; see --flags-in", place)
	}
	return &flagFile{path: path, place: ruleset.Place{Project: domain.ProjectKey(in), Environment: domain.EnvironmentKey(environment)}}, nil
}

// load serves what is in the file, if it has changed. With an error, what was served stays.
func (f *flagFile) load(s *server) (changed bool, err error) {
	text, err := os.ReadFile(f.path)
	if err != nil {
		return false, fmt.Errorf("reading the flags: %w", err)
	}
	if bytes.Equal(text, f.text) && f.text != nil {
		return false, nil
	}
	parsed, err := flagdsync.Parse(text)
	if err != nil {
		return false, fmt.Errorf("%s: %w", f.path, err)
	}
	// Revisions grow, also from one start to the next.
	revision := uint64(max(s.config.Now().UnixMilli(), 1))
	if served, ok := s.rulesets.Current(f.place); ok {
		revision = max(revision, uint64(served.Revision)+1)
	}
	if err := s.rulesets.Fix(parsed.Snapshot(string(f.place.Project), string(f.place.Environment), revision)); err != nil {
		return false, fmt.Errorf("%s: %w", f.path, err)
	}
	f.text = text
	return true, nil
}

// follow looks at the file until ctx ends. A file that cannot be read is told of once, and changes nothing.
func (f *flagFile) follow(ctx context.Context, s *server) error {
	ticker := time.NewTicker(flagFileInterval)
	defer ticker.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		changed, err := f.load(s)
		switch {
		case err != nil && err.Error() != told:
			told = err.Error()
			s.config.Log.Error().Err(err).Msg("the file of flags cannot be served; what it was before is")
		case err == nil:
			told = ""
			if changed {
				s.config.Log.Info().Str("file", f.path).Msg("the flags of the file have changed")
			}
		}
	}
}

// prepare makes the project and the environment that the file's flags are in, where they are not there yet.
func (f *flagFile) prepare(ctx context.Context, s *server) error {
	o := command.Options{Actor: "system:start", Reason: "The flags of a file belong to it."}
	environment := project.Environment{Key: f.place.Environment}
	e, there := s.catalog.Project(f.place.Project)
	var c project.Command
	switch {
	case !there:
		c = project.Create{Key: f.place.Project, Environments: []project.Environment{environment}}
	case !e.State.Has(f.place.Environment):
		c = project.AddEnvironment{Environment: environment}
	default:
		return nil
	}
	result, err := s.commands.Project(ctx, f.place.Project, c, o)
	if r, refused := domain.AsRefusal(err); refused && r.Kind == domain.KindExists {
		return nil // another node was faster
	} else if err != nil {
		return errors.Join(errors.New("making the place of the file's flags failed"), err)
	}
	for _, r := range s.configuration() {
		if err := r.Wait(ctx, result.Position); err != nil {
			return nil //nolint:nilerr // the context ended before the server was ready; that is no failure
		}
	}
	return nil
}
