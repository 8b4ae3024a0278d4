package feedback_test

import (
	"testing"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/feedback"
)

func TestWhatSaysNoTimeWasSaidWhenItCame(t *testing.T) {
	came := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := feedback.Parse([]byte(`{"event_id":"1","subject":"ann","text":"Hm.","occurred_at":null}`), came)
	if err != nil || !s.OccurredAt.Equal(came) {
		t.Errorf("%v %v", s.OccurredAt, err)
	}
}

// FuzzParse holds what is sent by anybody: it is taken whole, or refused with a sentence that repeats nothing of it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"event_id":"1","subject":"ann","text":"Hm.","score":1e3,"flag_key":"banner","variant":"on","occurred_at":"2026-11-24T10:06:00Z"}`))
	f.Add([]byte(`{"event_id":"1","subject":"ann","text":"Hm."} {}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"score":1e999}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := feedback.Parse(text, time.Unix(0, 0))
		if err == nil {
			if s.EventID == "" || s.Subject == "" || s.Text == "" || s.OccurredAt == nil {
				t.Errorf("%q was taken as %+v", text, s)
			}
			return
		}
		if r, ok := domain.AsRefusal(err); !ok || r.Code == "" || r.Sentence == "" {
			t.Errorf("%q: %v is no refusal", text, err)
		}
	})
}
