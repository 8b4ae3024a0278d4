package ruleset

import (
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

// flagState is a flag, in little memory: there may be hundreds of thousands.
type flagState struct {
	stream string
	key    string             // the end of stream
	state  projections.Packed // a flag.State
	stale  bool               // frozen at this state
	held   bool               // it names holdouts
	shapes []placed           // few, so not a map
}

// placed is a flag's shape in an environment.
type placed struct {
	in    *placeState
	shape *shape
}

func (f *flagState) in(place *placeState) *shape {
	for _, p := range f.shapes {
		if p.in == place {
			return p.shape
		}
	}
	return nil
}

// set replaces the shape in an environment; nil takes it away.
func (f *flagState) set(in *placeState, now *shape) {
	shapes := slices.DeleteFunc(f.shapes, func(p placed) bool { return p.in == in })
	if now != nil {
		shapes = append(shapes, placed{in: in, shape: now})
	}
	f.shapes = slices.Clip(shapes)
}

type holdoutState struct {
	state holdout.State
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
	var was flag.State
	if in.flag == nil {
		in.flag = &flagState{stream: strings.Clone(r.Stream)} // a part of it would hold on to the whole record
	} else if was, err = p.stateOf(in.flag); err != nil {
		return err
	}
	next := flag.Aggregate.Evolve(was, event)
	if r.Stream != domain.Stream(flag.Aggregate.Category, next.Project, next.Key) {
		return fmt.Errorf("%s makes it another flag than that of its stream", r.Type)
	}
	in.flag.key = in.flag.stream[len(in.flag.stream)-len(next.Key):]
	in.project = p.project(next.Project)
	shaped, err := in.project.reshape(in.flag, change{was, next, r.Position})
	if err != nil {
		return err
	}
	packed, err := projections.Pack(&p.words, in.flag.stream, next)
	if err != nil {
		return err
	}
	in.flag.state, in.flag.held, p.latest = packed, namesHoldouts(next), latest{in.flag, next}
	in.project.flags[domain.FlagKey(in.flag.key)] = in.flag
	p.streams[in.flag.stream] = in
	in.project.put(in.flag, shaped, r.Position)
	return nil
}

// latest is the flag that changed last. Changes often come one after the other.
type latest struct {
	flag  *flagState
	state flag.State
}

// stateOf is the state of a flag, for reading.
func (p *Projection) stateOf(f *flagState) (flag.State, error) {
	if p.latest.flag == f {
		return p.latest.state, nil
	}
	return projections.Unpack[flag.State](&p.words, f.state)
}

// change is what an event makes of a flag.
type change struct {
	was, next flag.State
	at        eventlog.Position
}

// reshape is the flag in all environments where it is another than it was there; nil where it is not served.
func (in *projectState) reshape(f *flagState, c change) (changed []placed, err error) {
	for _, e := range in.state.Environments {
		place := in.places[e.Key]
		was := f.in(place)
		if was != nil && c.spares(e.Key) {
			continue
		}
		now, err := in.shapeOf(f, c, place, changed)
		if err != nil {
			return nil, err
		}
		if now != was {
			changed = append(changed, placed{in: place, shape: now})
		}
	}
	return changed, nil
}

// spares reports whether nothing that an environment serves of the flag can have changed: that is so for all but one, as a rule.
func (c *change) spares(environment domain.EnvironmentKey) bool {
	was, next := c.was, c.next
	was.Environments, next.Environments = nil, nil
	return reflect.DeepEqual(was, next) && reflect.DeepEqual(c.was.In(environment), c.next.In(environment))
}

// put lets the environments serve what has changed.
func (in *projectState) put(f *flagState, changed []placed, at eventlog.Position) {
	for _, c := range changed {
		c.in.put(domain.FlagKey(f.key), f.in(c.in), c.shape, at)
		f.set(c.in, c.shape)
	}
}

// shapeOf is the flag, in its next state, as the environment serves it: the shape it has there or one of the others, when that
// is the same; nil for an archived flag.
func (in *projectState) shapeOf(f *flagState, c change, place *placeState, others []placed) (*shape, error) {
	if c.next.Archived || !c.next.Exists() {
		return nil, nil
	}
	flag := wireOf(c.next, place.Environment, in.holdouts)
	flag.Key, flag.Stale, flag.Revision = f.key, f.stale, uint64(c.at)
	now, err := newShape(flag, f.stream, askedBy(c.next, place.Environment))
	if err != nil {
		return nil, err
	}
	if was := f.in(place); was != nil && now.isLike(was) {
		return was, nil
	}
	for _, other := range others {
		if other.shape != nil && now.text == other.shape.text {
			return other.shape, nil
		}
	}
	return now, nil
}

// again shapes a flag anew, whose state is as it was, because something else has changed.
func (p *Projection) again(in *projectState, f *flagState, at eventlog.Position) error {
	state, err := p.stateOf(f)
	if err != nil {
		return err
	}
	shaped, err := in.reshape(f, change{next: state, at: at})
	if err == nil {
		in.put(f, shaped, at)
	}
	return err
}

// markStale lets everybody who is served the flag of a stream know that it stays as it is.
func (p *Projection) markStale(stream string, at eventlog.Position) {
	in := p.streams[stream]
	if in.flag == nil || in.project == nil {
		return
	}
	in.flag.stale = true
	_ = p.again(in.project, in.flag, at) // it was encoded before, so it can be
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
		if !f.held {
			continue
		}
		if err := p.again(in.project, f, r.Position); err != nil {
			in.holdout.state = was
			return err
		}
	}
	return nil
}

func namesHoldouts(s flag.State) bool {
	return slices.ContainsFunc(s.Environments, func(e flag.Setting) bool { return len(e.Targeting.Holdouts) > 0 })
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
	}
	if len(next.Environments) == len(was.Environments) {
		return nil // they are never fewer
	}
	for _, f := range in.flags {
		if err := p.again(in, f, r.Position); err != nil {
			return err
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
