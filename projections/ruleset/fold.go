package ruleset

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/domain/segment"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/projections"
)

// inStream is what a stream is about; one of the pointers is set, besides that to the project. Stream names are never taken
// apart; what created the stream says it.
type inStream struct {
	project *projectState
	flag    *flagState
	segment *segmentState
	holdout *holdoutState
}

type projectState struct {
	state    project.State
	places   map[domain.EnvironmentKey]*placeState
	flags    map[domain.FlagKey]*flagState
	segments map[domain.SegmentKey]*segmentState
	holdouts map[domain.HoldoutKey]*holdoutState
}

type flagState struct {
	stream string
	state  flag.State
	stale  bool     // frozen at this state
	shapes []placed // few, so not a map
}

// placed is a flag's shape in an environment.
type placed struct {
	environment domain.EnvironmentKey
	shape       *shape
}

func (f *flagState) in(environment domain.EnvironmentKey) *shape {
	for _, p := range f.shapes {
		if p.environment == environment {
			return p.shape
		}
	}
	return nil
}

// set replaces the shape in an environment; nil takes it away.
func (f *flagState) set(environment domain.EnvironmentKey, now *shape) {
	f.shapes = slices.DeleteFunc(f.shapes, func(p placed) bool { return p.environment == environment })
	if now != nil {
		f.shapes = append(f.shapes, placed{environment: environment, shape: now})
	}
}

type holdoutState struct {
	state holdout.State
}

// shape is a flag as an environment serves it, and its JSON. It never changes, and environments that serve the same share it.
type shape struct {
	flag   flags.Flag
	text   json.RawMessage
	stream string
	asks   []domain.SegmentKey
}

// fold brings the states up to date with one event. With an error, whether refused or panicked, they are as before it.
func (p *Projection) fold(r eventlog.Recorded) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("reading %s panicked: %v", r.Type, x)
		}
	}()
	switch eventlog.Category(r.Stream) {
	case project.Aggregate.Category:
		return p.foldProject(r)
	case segment.Aggregate.Category:
		return p.foldSegment(r)
	case holdout.Aggregate.Category:
		return p.foldHoldout(r)
	}
	return p.foldFlag(r)
}

func (p *Projection) foldFlag(r eventlog.Recorded) error {
	event, err := flag.Aggregate.Decode(r.Type, r.Data)
	if err != nil {
		return err
	}
	in := p.streams[r.Stream]
	if in.flag == nil {
		in.flag = &flagState{stream: strings.Clone(r.Stream)} // a part of it would hold on to the whole record
	}
	next := projections.Compact(&p.texts, flag.Aggregate.Evolve(in.flag.state, event))
	if r.Stream != domain.Stream(flag.Aggregate.Category, next.Project, next.Key) {
		return fmt.Errorf("%s makes it another flag than that of its stream", r.Type)
	}
	in.project = p.project(next.Project)
	shaped, err := in.project.reshape(in.flag, next, r.Position)
	if err != nil {
		return err
	}
	in.flag.state = next
	in.project.flags[next.Key] = in.flag
	p.streams[in.flag.stream] = in
	in.project.put(in.flag, shaped, r.Position)
	return nil
}

// reshape is the flag in all environments where it is another than it was there; nil where it is not served.
func (in *projectState) reshape(f *flagState, next flag.State, at eventlog.Position) (map[domain.EnvironmentKey]*shape, error) {
	changed := map[domain.EnvironmentKey]*shape{}
	for _, e := range in.state.Environments {
		was := f.in(e.Key)
		now, err := in.shapeOf(f, next, e.Key, at, changed)
		if err != nil {
			return nil, err
		}
		if now != was {
			changed[e.Key] = now
		}
	}
	return changed, nil
}

// put lets the environments serve what has changed.
func (in *projectState) put(f *flagState, changed map[domain.EnvironmentKey]*shape, at eventlog.Position) {
	for environment, now := range changed {
		in.places[environment].put(f.state.Key, f.in(environment), now, at)
		f.set(environment, now)
	}
}

// shapeOf is the flag, in its next state, as the environment serves it: the shape it has there or one of the others, when that
// is the same; nil for an archived flag.
func (in *projectState) shapeOf(
	f *flagState, s flag.State, environment domain.EnvironmentKey, at eventlog.Position, others map[domain.EnvironmentKey]*shape,
) (*shape, error) {
	if s.Archived || !s.Exists() {
		return nil, nil
	}
	now := &shape{flag: wireOf(s, environment, in.holdouts), stream: f.stream, asks: askedBy(s, environment)}
	now.flag.Stale = f.stale
	if was := f.in(environment); was != nil {
		now.flag.Revision = was.flag.Revision
		if reflect.DeepEqual(now.flag, was.flag) {
			return was, nil
		}
	}
	now.flag.Revision = uint64(at)
	for _, other := range others {
		if other != nil && reflect.DeepEqual(now.flag, other.flag) {
			return other, nil
		}
	}
	var err error
	now.text, err = json.Marshal(now.flag)
	return now, err
}

// markStale lets everybody who is served the flag of a stream know that it stays as it is.
func (p *Projection) markStale(stream string, at eventlog.Position) {
	in := p.streams[stream]
	if in.flag == nil {
		return
	}
	in.flag.stale = true
	shaped, err := in.project.reshape(in.flag, in.flag.state, at)
	if err == nil { // it was encoded before, so it can be
		in.project.put(in.flag, shaped, at)
	}
}

func (p *Projection) foldHoldout(r eventlog.Recorded) error {
	event, err := holdout.Aggregate.Decode(r.Type, r.Data)
	if err != nil {
		return err
	}
	in := p.streams[r.Stream]
	if in.holdout == nil {
		in.holdout = &holdoutState{}
	}
	was := in.holdout.state
	next := holdout.Aggregate.Evolve(was, event)
	if r.Stream != domain.Stream(holdout.Aggregate.Category, next.Project, next.Key) {
		return fmt.Errorf("%s makes it another holdout than that of its stream", r.Type)
	}
	in.project = p.project(next.Project)
	in.holdout.state = next
	in.project.holdouts[next.Key] = in.holdout
	p.streams[r.Stream] = in
	for _, f := range in.project.flags {
		if !holdsBack(f.state, next.Key) {
			continue
		}
		changed, err := in.project.reshape(f, f.state, r.Position)
		if err != nil {
			in.holdout.state = was
			return err
		}
		in.project.put(f, changed, r.Position)
	}
	return nil
}

func holdsBack(s flag.State, key domain.HoldoutKey) bool {
	for _, e := range s.Environments {
		if slices.Contains(e.Targeting.Holdouts, key) {
			return true
		}
	}
	return false
}

func (p *Projection) foldProject(r eventlog.Recorded) error {
	event, err := project.Aggregate.Decode(r.Type, r.Data)
	if err != nil {
		return err
	}
	var was project.State
	if known := p.streams[r.Stream].project; known != nil {
		was = known.state
	}
	next := project.Aggregate.Evolve(was, event)
	if r.Stream != domain.Stream(project.Aggregate.Category, "", next.Key) {
		return fmt.Errorf("%s makes it another project than that of its stream", r.Type)
	}
	in := p.project(next.Key)
	in.state = next
	p.streams[r.Stream] = inStream{project: in}
	for _, e := range next.Environments {
		if was.Has(e.Key) {
			continue
		}
		at := newPlace(in, Place{next.Key, e.Key})
		at.revision = r.Position
		in.places[e.Key] = at
		p.places = append(p.places, at)
		for _, f := range in.flags {
			now, err := in.shapeOf(f, f.state, e.Key, r.Position, nil)
			if err != nil {
				return err
			}
			in.put(f, map[domain.EnvironmentKey]*shape{e.Key: now}, r.Position)
		}
	}
	return nil
}

func (p *Projection) project(key domain.ProjectKey) *projectState {
	in, ok := p.projects[key]
	if !ok {
		in = &projectState{
			places: map[domain.EnvironmentKey]*placeState{}, flags: map[domain.FlagKey]*flagState{},
			segments: map[domain.SegmentKey]*segmentState{}, holdouts: map[domain.HoldoutKey]*holdoutState{},
		}
		p.projects[key] = in
	}
	return in
}
