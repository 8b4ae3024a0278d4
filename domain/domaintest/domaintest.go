// Package domaintest runs the specifications of deciders. It is for the tests of aggregates.
//
// # The model
//
// A specification is a sentence: given these events, when this is commanded, then these events are recorded, or it is
// refused with this code. Run plays it on the real Aggregate, and holds every event it meets to what the log demands: it
// survives being written down and read again, and deciding never changes the state that was decided on.
//
// Live is the same for arbitrary commands: whatever is commanded, replaying what was recorded gives the state that was
// lived through.
package domaintest

import (
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
)

// Spec is one sentence about an aggregate.
type Spec[S, C, E any] struct {
	Name  string
	Given []E
	When  C
	// By is who asks, why and when; the zero value is Someone.
	By domain.Envelope
	// Then are the events to record. None, with no refusal: there is nothing to record.
	Then []E
	// Refused is the code of the refusal, Kind its kind and Pointer where in the command it lies; Kind and Pointer are
	// looked at when they are given.
	Refused string
	Kind    domain.Kind
	Pointer string
}

// Someone is an envelope without a reason, at noon on 1 March 2026 (UTC).
func Someone() domain.Envelope {
	return domain.Envelope{Actor: "key:test", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

// Because is Someone with a reason.
func Because(reason string) domain.Envelope {
	e := Someone()
	e.Reason = reason
	return e
}

// Run plays the specifications, each as a test of its own.
func Run[S, C, E any](t *testing.T, a domain.Aggregate[S, C, E], specs []Spec[S, C, E]) {
	t.Helper()
	for _, spec := range specs {
		t.Run(spec.Name, func(t *testing.T) {
			t.Helper()
			play(t, a, spec)
		})
	}
}

func play[S, C, E any](t *testing.T, a domain.Aggregate[S, C, E], spec Spec[S, C, E]) {
	t.Helper()
	if spec.By == (domain.Envelope{}) {
		spec.By = Someone()
	}
	given, err := Written(a, spec.Given)
	if err != nil {
		t.Fatalf("given: %v", err)
	}
	state, untouched := a.Fold(spec.Given...), a.Fold(given...)
	got, err := a.Decide(state, spec.When, spec.By)
	if !reflect.DeepEqual(state, untouched) {
		t.Errorf("deciding changed the state to %+v, it was %+v", state, untouched)
	}
	if spec.Refused != "" {
		refused(t, spec, got, err)
		return
	}
	if err != nil {
		t.Fatalf("refused: %v (%+v)", err, err)
	}
	if !reflect.DeepEqual(got, spec.Then) && len(got)+len(spec.Then) > 0 {
		t.Fatalf("recorded %+v, want %+v", got, spec.Then)
	}
	if _, err := Written(a, got); err != nil {
		t.Errorf("then: %v", err)
	}
}

func refused[S, C, E any](t *testing.T, spec Spec[S, C, E], got []E, err error) {
	t.Helper()
	r, ok := domain.AsRefusal(err)
	if !ok {
		t.Fatalf("recorded %+v with error %v, want the refusal %s", got, err, spec.Refused)
	}
	if r.Code != spec.Refused || spec.Kind != 0 && r.Kind != spec.Kind || spec.Pointer != "" && r.Pointer != spec.Pointer {
		t.Errorf("refused with %+v, want code %s, kind %d, pointer %q", *r, spec.Refused, spec.Kind, spec.Pointer)
	}
	if len(got) != 0 {
		t.Errorf("refused, but recorded %+v", got)
	}
	if r.Kind == 0 || r.Sentence == "" || strings.Contains(r.Sentence, "\n") || strings.Contains(r.Sentence, "%!") {
		t.Errorf("the refusal has no kind or no plain sentence: %+v", *r)
	}
}

// Written returns the events as they come back from the log. The error says which of them doesn't come back as it was.
func Written[S, C, E any](a domain.Aggregate[S, C, E], events []E) ([]E, error) {
	var out []E
	for _, e := range events {
		name, body, err := a.Encode(e)
		if err != nil {
			return nil, err
		}
		back, err := a.Decode(name, body)
		if err != nil {
			return nil, err
		}
		if !reflect.DeepEqual(back, e) {
			return nil, fmt.Errorf("%s was written as %s and read as %+v, it was %+v", name, body, back, e)
		}
		out = append(out, back)
	}
	return out, nil
}

// Live commands one thing after the other and returns the events recorded. The error says what broke the law: an error that
// is no refusal, an event that doesn't come back from the log, a state that replaying doesn't give, a refusal that records,
// or a state handed out before that changed afterwards.
func Live[S, C, E any](a domain.Aggregate[S, C, E], commands []C, by domain.Envelope) ([]E, error) {
	var (
		state              S
		recorded, replayed []E
	)
	for _, c := range commands {
		events, err := a.Decide(state, c, by)
		if _, ok := domain.AsRefusal(err); err != nil && (!ok || len(events) > 0) {
			return recorded, fmt.Errorf("%#v gave %w with %d events", c, err, len(events))
		}
		was := state
		for _, e := range events {
			state = a.Evolve(state, e)
		}
		if before := a.Fold(replayed...); !reflect.DeepEqual(was, before) {
			return recorded, fmt.Errorf("%#v changed a state handed out before to %+v, it was %+v", c, was, before)
		}
		back, err := Written(a, events)
		if err != nil {
			return recorded, err
		}
		recorded, replayed = append(recorded, events...), append(replayed, back...)
		if again := a.Fold(replayed...); !reflect.DeepEqual(again, state) {
			return recorded, fmt.Errorf("after %#v replaying gives %+v, living gave %+v", c, again, state)
		}
	}
	return recorded, nil
}

// Samples holds an aggregate to its history: want has one entry for each file of frozen events, named WireName.vN.json. Every
// file must be read as its entry says, and every entry must have its file. A changed shape gets a file of its own beside the
// old ones, which stay for ever; internal/lint sees to that, and that no wire name is without a file.
func Samples[S, C, E any](t *testing.T, a domain.Aggregate[S, C, E], files fs.FS, want map[string]E) {
	t.Helper()
	found, err := fs.Glob(files, "*")
	if err != nil || len(found) == 0 {
		t.Fatalf("found no frozen events: %v", err)
	}
	for _, file := range found {
		if _, ok := want[file]; !ok {
			t.Errorf("%s is not expected; say what it must be read as", file)
		}
	}
	for file, event := range want {
		name, body, err := a.Encode(event)
		if err != nil {
			t.Error(err)
			continue
		}
		sample, err := fs.ReadFile(files, file)
		if err != nil {
			t.Errorf("%v; this version writes %s as %s", err, name, body)
			continue
		}
		wire, _, _ := strings.Cut(file, ".")
		if got, err := a.Decode(wire, sample); err != nil || !reflect.DeepEqual(got, event) {
			t.Errorf("%s is read as %+v (%v), want %+v", file, got, err, event)
		}
	}
}
