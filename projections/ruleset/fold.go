package ruleset

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/project"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
)

// inStream is what a stream is about. Stream names are never taken apart; what created the stream says it.
type inStream struct {
	project *projectState
	flag    *flagState // nil for a project's own stream
}

type projectState struct {
	state project.State
	flags map[domain.FlagKey]*flagState
}

type flagState struct {
	stream string
	state  flag.State
	shapes map[domain.EnvironmentKey]shape
}

// shape is a flag as an environment serves it, and its JSON.
type shape struct {
	flag flags.Flag
	text json.RawMessage
}

// fold brings the states up to date with one event. With an error, whether refused or panicked, they are as before it.
func (p *Projection) fold(r eventlog.Recorded) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("reading %s panicked: %v", r.Type, x)
		}
	}()
	if eventlog.Category(r.Stream) == project.Aggregate.Category {
		return p.foldProject(r)
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
		in.flag = &flagState{stream: r.Stream}
	}
	next := flag.Aggregate.Evolve(in.flag.state, event)
	if r.Stream != domain.Stream(flag.Aggregate.Category, next.Project, next.Key) {
		return fmt.Errorf("%s makes it another flag than that of its stream", r.Type)
	}
	in.project = p.project(next.Project)
	shapes := map[domain.EnvironmentKey]shape{}
	var changed []domain.EnvironmentKey
	for _, e := range in.project.state.Environments {
		was := in.flag.shapes[e.Key]
		now, serves, err := shapeOf(next, e.Key, was, r.Position)
		if err != nil {
			return err
		}
		if serves {
			shapes[e.Key] = now
		}
		if now.flag.Revision != was.flag.Revision { // 0 where it is not served
			changed = append(changed, e.Key)
		}
	}
	in.flag.state, in.flag.shapes = next, shapes
	in.project.flags[next.Key] = in.flag
	p.streams[r.Stream] = in
	for _, e := range changed {
		p.dirty[Place{in.project.state.Key, e}] = r.Position
	}
	return nil
}

// shapeOf is the flag as the environment serves it; was, when that is the same. serves is false for an archived flag.
func shapeOf(s flag.State, environment domain.EnvironmentKey, was shape, at eventlog.Position) (now shape, serves bool, err error) {
	if s.Archived {
		return shape{}, false, nil
	}
	now.flag = wireOf(s, environment)
	now.flag.Revision = was.flag.Revision
	if was.text != nil && reflect.DeepEqual(now.flag, was.flag) {
		return was, true, nil
	}
	now.flag.Revision = uint64(at)
	now.text, err = json.Marshal(now.flag)
	return now, true, err
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
	for _, e := range next.Environments {
		if was.Has(e.Key) {
			continue
		}
		for _, f := range in.flags {
			now, serves, err := shapeOf(f.state, e.Key, shape{}, r.Position)
			if err != nil {
				return err
			}
			if serves {
				f.shapes[e.Key] = now
			}
		}
		p.dirty[Place{next.Key, e.Key}] = r.Position
	}
	in.state = next
	p.streams[r.Stream] = inStream{project: in}
	return nil
}

func (p *Projection) project(key domain.ProjectKey) *projectState {
	in, ok := p.projects[key]
	if !ok {
		in = &projectState{flags: map[domain.FlagKey]*flagState{}}
		p.projects[key] = in
	}
	return in
}
