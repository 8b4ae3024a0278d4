package provider_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/provider"
)

// slowly leaves the sending to Flush and to full batches.
func slowly(c *provider.Config) { c.FlushInterval = time.Hour }

func flush(t *testing.T, a *app) {
	t.Helper()
	if err := a.provider.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnExposureIsReportedOncePerFlagUnitAndVariant(t *testing.T) {
	other := tested("b")
	s := newServer(t, tested("a"), other, fixed("plain", flags.Boolean, "true"))
	a := newApp(t, s, slowly).start(t)
	for range 3 {
		for _, unit := range []string{"u1", "u2"} {
			for _, key := range []string{"a", "b", "plain"} {
				a.Boolean(t.Context(), key, false, user(unit))
			}
		}
		flush(t, a)
	}
	got := s.taken(exposuresPath)
	if len(got) != 4 {
		t.Fatalf("%d exposures of 2 units by 2 flags: %v", len(got), got)
	}
	first := got[0]
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(first["occurred_at"]))
	if err != nil || time.Since(at) > time.Minute || time.Since(at) < 0 {
		t.Errorf("occurred_at %v, %v", first["occurred_at"], err)
	}
	id := fmt.Sprint(first["event_id"])
	delete(first, "event_id")
	delete(first, "occurred_at")
	if want := map[string]any{
		"type": "exposure", "experiment_key": "a-experiment", "variant": "v", "unit_type": "user", "unit_id": "u1", "flag_key": "a", "reason": "SPLIT", "flag_version": "10",
	}; !reflect.DeepEqual(first, want) || len(id) != 32 {
		t.Errorf("got %v with the id %q, want %v", first, id, want)
	}
}

func TestAUnitThatMovesToAnotherVariantIsReportedAgain(t *testing.T) {
	s := newServer(t, tested("a"))
	a := newApp(t, s, slowly).start(t)
	a.Boolean(t.Context(), "a", false, user("u"))
	moved := tested("a")
	moved.Revision = 12
	moved.Variants = append(moved.Variants, flags.Variant{Key: "w", Value: []byte("false")})
	moved.Experiment.Split.Weights[0].Variant = "w"
	s.publish(12, moved)
	a.expect(t, 1, 0, 0, 1)
	a.Boolean(t.Context(), "a", false, user("u"))
	flush(t, a)
	got := s.taken(exposuresPath)
	if len(got) != 2 || got[0]["variant"] != "v" || got[1]["variant"] != "w" {
		t.Errorf("%v", got)
	}
}

func TestNoExposureWhenTheAppGetsItsOwnDefault(t *testing.T) {
	s := newServer(t, tested("a"))
	a := newApp(t, s, slowly).start(t)
	a.String(t.Context(), "a", "default", user("u"))
	a.Boolean(t.Context(), "a", false, openfeature.EvaluationContext{})
	flush(t, a)
	if got := s.taken(exposuresPath); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestOnlyTheAttributesThatWereNamedLeaveTheApp(t *testing.T) {
	s := newServer(t, tested("a"))
	a := newApp(t, s, slowly, func(c *provider.Config) { c.Attributes = []string{"plan", "age", "pages", "nothing"} }).start(t)
	a.Boolean(t.Context(), "a", false, openfeature.NewEvaluationContext("u", map[string]any{"plan": "pro", "age": 30, "pages": []string{"x"}, "email": "a@b.c"}))
	flush(t, a)
	got := s.taken(exposuresPath)
	if want := map[string]any{"plan": "pro", "age": 30.0}; len(got) != 1 || !reflect.DeepEqual(got[0]["attributes"], want) {
		t.Errorf("%v", got)
	}
}

func TestBatchesAreBoundedAndAFullOneDoesNotWait(t *testing.T) {
	s := newServer(t, tested("a"))
	a := newApp(t, s, slowly).start(t)
	for i := range 2_500 {
		a.Boolean(t.Context(), "a", false, user(fmt.Sprint(i)))
	}
	eventually(t, "full batches went out by themselves", func() bool { return len(s.taken(exposuresPath)) >= 1_000 })
	flush(t, a)
	if got := len(s.taken(exposuresPath)); got != 2_500 {
		t.Errorf("%d of 2,500 exposures", got)
	}
	if biggest := slices.Max(s.batches); biggest > 1_000 {
		t.Errorf("a batch of %d", biggest)
	}
	if st := a.provider.Stats(); st.Sent != 2_500 || st.Queued != 0 || st.Dropped != 0 || st.Rejected != 0 {
		t.Errorf("%+v", st)
	}
}

func TestFactsWaitForAServerThatIsAwayAndAreSentOnce(t *testing.T) {
	s := newServer(t, tested("a"))
	a := newApp(t, s).start(t)
	s.die()
	for i := range 100 {
		a.Boolean(t.Context(), "a", false, user(fmt.Sprint(i)))
		a.Track(t.Context(), "purchase", user(fmt.Sprint(i)), openfeature.NewTrackingEventDetails(1))
	}
	before := s.count(exposuresPath)
	eventually(t, "sending failed", func() bool { return s.count(exposuresPath) > before })
	if st := a.provider.Stats(); st.Queued != 200 {
		t.Errorf("%+v", st)
	}
	s.live()
	eventually(t, "everything arrived", func() bool { return a.provider.Stats().Queued == 0 })
	if x, m := len(s.taken(exposuresPath)), len(s.taken(measurementsPath)); x != 100 || m != 100 {
		t.Errorf("%d exposures, %d measurements", x, m)
	}
}

// The server takes the batch in and its answer is lost: the same ids must come again.
func TestABatchWhoseAnswerIsLostIsSentAgainWithTheSameIDs(t *testing.T) {
	s := newServer(t, tested("a"))
	a := newApp(t, s, slowly, func(c *provider.Config) {
		c.HTTPClient = &http.Client{Transport: &forgetful{}, Timeout: time.Nanosecond} // a timeout would end the stream; it must not count
	}).start(t)
	for i := range 10 {
		a.Boolean(t.Context(), "a", false, user(fmt.Sprint(i)))
		a.Track(t.Context(), "visit", user(fmt.Sprint(i)), openfeature.TrackingEventDetails{})
	}
	for range 3 {
		if a.provider.Flush(t.Context()) == nil {
			break
		}
	}
	if x, m := len(s.taken(exposuresPath)), len(s.taken(measurementsPath)); x != 10 || m != 10 || len(s.batches) != 4 {
		t.Errorf("%d exposures, %d measurements in %d batches", x, m, len(s.batches))
	}
	http.DefaultClient.CloseIdleConnections()
}

// forgetful loses the first answer of every path under ingestion.
type forgetful struct{ lost [2]bool }

func (f *forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	for i, path := range []string{exposuresPath, measurementsPath} {
		if err == nil && r.URL.Path == path && !f.lost[i] {
			f.lost[i] = true
			answer.Body.Close()
			return nil, errors.New("the answer was lost")
		}
	}
	return answer, err
}

func TestWhenTheQueueIsFullTheNewestAreDroppedAndCountedAndNobodyWaits(t *testing.T) {
	s := newServer(t, tested("a"))
	s.with(func() { s.hang[exposuresPath] = struct{}{}; s.hang[measurementsPath] = struct{}{} })
	a := newApp(t, s, func(c *provider.Config) { c.QueueSize = 10 }).start(t)
	for i := range 50 {
		a.Boolean(t.Context(), "a", false, user(fmt.Sprint(i)))
		a.Track(t.Context(), "visit", user(fmt.Sprint(i)), openfeature.TrackingEventDetails{})
	}
	if st := a.provider.Stats(); st.Queued != 20 || st.Dropped != 80 {
		t.Errorf("%+v", st)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := a.provider.ShutdownWithContext(ctx); err == nil || !strings.Contains(err.Error(), "20 facts") {
		t.Errorf("shutdown: %v", err)
	}
	// An exposure that was dropped is reported when it is noticed again.
	s.with(func() { clear(s.hang) })
	if err := a.provider.Init(openfeature.EvaluationContext{}); err != nil {
		t.Fatal(err)
	}
	flush(t, a)
	a.Boolean(t.Context(), "a", false, user("49"))
	flush(t, a)
	got := s.taken(exposuresPath)
	if len(got) != 11 || got[10]["unit_id"] != "49" {
		t.Errorf("%d exposures, the last %v", len(got), got[len(got)-1])
	}
}

func TestWhatTheServerRejectsIsCountedAndDoesNotStandInTheWay(t *testing.T) {
	s := newServer(t, tested("a"))
	s.with(func() {
		s.reject = func(item map[string]any) string {
			if item["unit_id"] == "bad" {
				return "unknown_experiment"
			}
			return ""
		}
	})
	a := newApp(t, s, slowly).start(t)
	for _, unit := range []string{"u1", "bad", "u2"} {
		a.Boolean(t.Context(), "a", false, user(unit))
	}
	flush(t, a)
	if st := a.provider.Stats(); st.Sent != 2 || st.Rejected != 1 || st.Queued != 0 || st.LastRefusal != "unknown_experiment: in a test" {
		t.Errorf("%+v", st)
	}
	s.with(func() { s.refuse[exposuresPath] = http.StatusBadRequest })
	a.Boolean(t.Context(), "a", false, user("u3"))
	a.Track(t.Context(), "visit", user("u3"), openfeature.TrackingEventDetails{})
	flush(t, a)
	if st := a.provider.Stats(); st.Sent != 3 || st.Rejected != 2 || st.Queued != 0 || !strings.Contains(st.LastRefusal, "400") {
		t.Errorf("%+v", st)
	}
}

func TestABatchThatIsTooLargeIsSentInSmallerOnes(t *testing.T) {
	s := newServer(t, tested("a"))
	small := &atMost{items: 30, next: http.DefaultTransport}
	a := newApp(t, s, slowly, func(c *provider.Config) { c.HTTPClient = &http.Client{Transport: small} }).start(t)
	for i := range 200 {
		a.Boolean(t.Context(), "a", false, user(fmt.Sprint(i)))
	}
	flush(t, a)
	if got := len(s.taken(exposuresPath)); got != 200 {
		t.Errorf("%d of 200", got)
	}
	http.DefaultClient.CloseIdleConnections()
}

// atMost answers 413 to batches of more items.
type atMost struct {
	items int
	next  http.RoundTripper
}

func (m *atMost) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.ContentLength > int64(m.items)*300 {
		return &http.Response{StatusCode: http.StatusRequestEntityTooLarge, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
	}
	return m.next.RoundTrip(r)
}

func TestARefusalThatMayPassIsTriedAgainAfterTheTimeTheServerAsksFor(t *testing.T) {
	s := newServer(t, tested("a"))
	s.with(func() { s.refuse[exposuresPath], s.wait = http.StatusTooManyRequests, 1 })
	a := newApp(t, s).start(t)
	a.Boolean(t.Context(), "a", false, user("u"))
	eventually(t, "the exposure was refused", func() bool { return s.count(exposuresPath) == 1 })
	refused := time.Now()
	s.with(func() { clear(s.refuse) })
	eventually(t, "the exposure arrived", func() bool { return len(s.taken(exposuresPath)) == 1 })
	if waited := time.Since(refused); waited < 900*time.Millisecond {
		t.Errorf("tried again after %v; the server asked for 1 s", waited)
	}
	if got := s.count(exposuresPath); got != 2 {
		t.Errorf("%d requests", got)
	}
}

func TestTrackRecordsAMeasurement(t *testing.T) {
	s := newServer(t)
	a := newApp(t, s, slowly, func(c *provider.Config) { c.UnitType = "account" }).start(t)
	details := openfeature.NewTrackingEventDetails(19.9).Add("currency", "EUR").Add("first", true).Add("items", 2).Add("basket", []string{"a"}).Add("odd", math.NaN())
	a.Track(t.Context(), "purchase", user("u1"), details)
	a.Track(t.Context(), "visit", user("u1"), openfeature.TrackingEventDetails{})
	a.Track(t.Context(), "refund", user("u1"), openfeature.NewTrackingEventDetails(0))
	a.Track(t.Context(), "visit", openfeature.EvaluationContext{}, openfeature.TrackingEventDetails{})
	a.Track(t.Context(), "", user("u1"), openfeature.TrackingEventDetails{})
	a.Track(t.Context(), "speed", user("u1"), openfeature.NewTrackingEventDetails(math.Inf(1)))
	flush(t, a)
	got := s.taken(measurementsPath)
	ids := map[any]bool{}
	for _, m := range got {
		ids[m["event_id"]] = true
		delete(m, "event_id")
		delete(m, "occurred_at")
	}
	want := []map[string]any{
		{
			"type": "measurement", "event_name": "purchase", "unit_type": "account", "unit_id": "u1", "value": 19.9,
			"properties": map[string]any{"currency": "EUR", "first": true, "items": 2.0},
		},
		{"type": "measurement", "event_name": "visit", "unit_type": "account", "unit_id": "u1", "value": 1.0},
		{"type": "measurement", "event_name": "refund", "unit_type": "account", "unit_id": "u1", "value": 0.0},
	}
	if !reflect.DeepEqual(got, want) || len(ids) != 3 {
		t.Errorf("got %v, want %v", got, want)
	}
	if st := a.provider.Stats(); st.Dropped != 3 || st.Sent != 3 {
		t.Errorf("%+v", st)
	}
}

func TestForgottenExposuresAreReportedAgainAndMemoryStaysBounded(t *testing.T) {
	s := newServer(t, tested("a"))
	a := newApp(t, s, slowly, func(c *provider.Config) { c.RememberExposures = 64 }).start(t)
	for round := range 2 {
		for i := range 600 {
			a.Boolean(t.Context(), "a", false, user(fmt.Sprint(i)))
		}
		flush(t, a)
		if got := len(s.taken(exposuresPath)); round == 0 && got != 600 || round == 1 && got < 1_100 {
			t.Errorf("round %d: %d exposures", round, got)
		}
	}
}
