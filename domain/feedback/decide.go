package feedback

import (
	"math"
	"slices"
	"time"

	"github.com/assayhq/assay/domain"
)

// Aggregate is the law of what one subject said.
var Aggregate = domain.Aggregate[State, Command, Event]{
	Decider:  domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve},
	Category: "feedback",
	Encode:   encode,
	Decode:   wire.Decode,
}

// MaxItems is how many things one subject may say between two erasures of everything: more are a program's.
const MaxItems = 1_000

const (
	maxName   = 128    // bytes of an id of ours
	maxSealed = 16_384 // bytes
)

func decide(s State, c Command, _ domain.Envelope) ([]Event, error) {
	switch c := c.(type) {
	case Give:
		return give(s, c)
	case Erase:
		return erase(s)
	}
	return nil, domain.Invalid("", "feedback knows no command %T", c)
}

func give(s State, c Give) ([]Event, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	if was, erased, ok := s.Find(c.Item.ID); ok {
		if erased || was.Mark == c.Item.Mark {
			return nil, nil
		}
		return nil, domain.Exists("there is feedback of this subject with this event_id and another content; give everything an id of its own").WithCode("event_id_conflict")
	}
	if len(s.Items)-s.Erased >= MaxItems {
		return nil, domain.WrongState("this subject has said %d things already, more are not taken; look whether a program is talking", MaxItems).WithCode("too_much_feedback")
	}
	c.Item.OccurredAt = c.Item.OccurredAt.UTC().Truncate(time.Millisecond)
	return []Event{Given{Project: c.Project, Subject: c.Subject, Item: c.Item}}, nil
}

func check(c Give) error {
	if err := domain.CheckProjectKey("project", c.Project); err != nil {
		return domain.At("/project", err)
	}
	for _, name := range []struct{ pointer, what, text string }{
		{"/subject", "subject", c.Subject},
		{"/id", "id", c.Item.ID},
		{"/key", "key", c.Item.Key},
		{"/mark", "mark", c.Item.Mark},
		{"/environment", "environment", string(c.Item.Environment)},
	} {
		if err := domain.CheckText(name.pointer, name.what, name.text, true, maxName); err != nil {
			return err
		}
	}
	switch n := len(c.Item.Sealed); {
	case n == 0:
		return domain.Invalid("/sealed", "what was said is missing; it comes sealed").WithCode("missing")
	case n > maxSealed:
		return domain.Invalid("/sealed", "what was said has %d bytes when sealed, at most %d are allowed; make it shorter", n, maxSealed).WithCode("too_long")
	}
	if c.Item.OccurredAt.IsZero() {
		return domain.Invalid("/occurred_at", "occurred_at is missing; write it like 2026-01-31T08:00:00Z").WithCode("missing")
	}
	if score := c.Item.Score; score != nil && (math.IsNaN(*score) || math.IsInf(*score, 0)) {
		return domain.Invalid("/score", "the score is no finite number").WithCode("not_finite")
	}
	return nil
}

func erase(s State) ([]Event, error) {
	if len(s.Items) == 0 {
		return nil, domain.NotFound("nothing was said by this subject; is the id the one that was sent with the feedback?")
	}
	if s.Erased == len(s.Items) {
		return nil, nil
	}
	var keys []string
	for _, k := range s.Items[s.Erased:] {
		if !slices.Contains(keys, k.Key) {
			keys = append(keys, k.Key)
		}
	}
	return []Event{Erased{Project: s.Project, Subject: s.Subject, Keys: keys}}, nil
}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Given:
		s.Project, s.Subject = e.Project, e.Subject
		s.Items = append(slices.Clip(s.Items), Known{ID: e.ID, Mark: e.Mark, Key: e.Key})
	case Erased:
		s.Erased = len(s.Items)
	}
	return s
}
