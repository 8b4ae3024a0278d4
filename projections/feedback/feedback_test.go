package feedback_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/assayhq/assay/domain"
	law "github.com/assayhq/assay/domain/feedback"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/projections"
	"github.com/assayhq/assay/projections/feedback"
	"github.com/assayhq/assay/projections/projectionstest"
)

func subjectStream(in domain.ProjectKey, who string) string {
	return domain.Stream(law.Aggregate.Category, in, who)
}

func say(in domain.ProjectKey, who, id, key string) law.Give {
	return law.Give{Project: in, Subject: who, Item: law.Item{
		ID: id, Environment: "production", Flag: "banner", OccurredAt: projectionstest.At(1), Key: key, Sealed: []byte("sealed " + id), Mark: "mark",
	}}
}

func apply(t *testing.T, p projections.Projection, records []eventlog.Recorded) {
	t.Helper()
	if err := p.Apply(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// view is all that the read model answers.
func view(t interface{ Fatalf(string, ...any) }, p *feedback.Projection) string {
	at, hash, err := p.StateHash()
	if err != nil {
		t.Fatalf("%v", err)
	}
	out := fmt.Sprint(at, hash, p.Erasures(0), p.Problems())
	for _, in := range []domain.ProjectKey{"shop", "blog"} {
		entries, more := p.List(in, feedback.Query{Limit: 1_000})
		out += fmt.Sprintln(in, more)
		for _, e := range entries {
			out += fmt.Sprintf("%+v\n", e)
		}
	}
	return out
}

// Live = rebuilt = rebuilt from half and the rest = adopted; what comes twice changes nothing. The oracle of what is erased is a
// second walk over the log: an item is erased when an erasure of its subject comes behind it.
func TestFeedbackIsThatOfTheLog(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := projectionstest.New(r)
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(r, "pick") }
		for range 30 {
			in, who := [...]domain.ProjectKey{"shop", "blog"}[pick(2)], [...]string{"h1.ann", "h1.bob"}[pick(2)]
			switch pick(6) {
			case 0:
				_ = projectionstest.Try(h, law.Aggregate, subjectStream(in, who), law.Command(law.Erase{}))
			case 1:
				h.Raw(subjectStream(in, "h1.odd"), "FeedbackSung", `{}`)
			default:
				_ = projectionstest.Try(h, law.Aggregate, subjectStream(in, who), law.Command(say(in, who, fmt.Sprint("i", pick(9)), fmt.Sprint("k", pick(3)))))
			}
		}
		records := h.Records()
		live, halves, adopted := feedback.New(), feedback.New(), feedback.New()
		for i := range records {
			apply(t, live, records[:i+1]) // everything before comes again
		}
		half := rapid.IntRange(0, len(records)).Draw(r, "half")
		apply(t, halves, records[:half])
		apply(t, halves, records[half:])
		fresh, err := adopted.Fresh()
		if err != nil {
			r.Fatalf("%v", err)
		}
		apply(t, fresh, records)
		if err := adopted.Adopt(fresh); err != nil {
			r.Fatalf("%v", err)
		}
		want := view(r, live)
		for name, p := range map[string]*feedback.Projection{"halves": halves, "adopted": adopted} {
			if got := view(r, p); got != want {
				r.Fatalf("%s:\n%s\nwant\n%s", name, got, want)
			}
		}
		for _, in := range []domain.ProjectKey{"shop", "blog"} {
			entries, _ := live.List(in, feedback.Query{Limit: 1_000})
			for _, e := range entries {
				erased := false
				for _, later := range records[e.Position:] {
					erased = erased || later.Stream == subjectStream(in, e.Subject) && later.Type == law.WireErased
				}
				if e.Erased != erased || erased != (e.Sealed == nil) {
					r.Fatalf("%+v, but the log says %v", e, erased)
				}
			}
		}
	})
}

func TestWhatWasHandedOutStaysAsItWas(t *testing.T) {
	h := projectionstest.New(t)
	projectionstest.Do(h, law.Aggregate, subjectStream("shop", "h1.ann"), law.Command(say("shop", "h1.ann", "1", "k")))
	p := feedback.New()
	apply(t, p, h.Records())
	out, _ := p.List("shop", feedback.Query{Limit: 1})
	_, before, _ := p.StateHash()
	projectionstest.Do(h, law.Aggregate, subjectStream("shop", "h1.ann"), law.Command(law.Erase{}))
	apply(t, p, h.Records())
	if string(out[0].Sealed) != "sealed 1" || out[0].Erased {
		t.Errorf("it became %+v", out[0])
	}
	if _, after, _ := p.StateHash(); after == before || after == [sha256.Size]byte{} {
		t.Error("an erasure does not change the hash")
	}
	if e := p.Erasures(0); len(e) != 1 || e[0].Subject != "h1.ann" || e[0].Keys[0] != "k" || e[0].Position != 2 {
		t.Errorf("the erasures are %+v", e)
	}
	if e := p.Erasures(2); len(e) != 0 {
		t.Errorf("behind the last one there is %+v", e)
	}
}

func TestPagesAndFilters(t *testing.T) {
	h := projectionstest.New(t)
	for i := range 7 {
		g := say("shop", "h1.ann", fmt.Sprint(i), "k")
		if i%2 == 0 {
			g.Item.Experiment, g.Item.Flag = "trial", ""
		}
		projectionstest.Do(h, law.Aggregate, subjectStream("shop", "h1.ann"), law.Command(g))
	}
	p := feedback.New()
	apply(t, p, h.Records())
	ids := func(q feedback.Query) (out string) {
		for {
			entries, more := p.List("shop", q)
			for _, e := range entries {
				out += e.ID
			}
			if !more {
				return out
			}
			out += "|"
			q.Before = entries[len(entries)-1].Position
		}
	}
	for want, q := range map[string]feedback.Query{
		"65|43|21|0": {Limit: 2}, "6543210": {Limit: 7}, "642|0": {Limit: 3, Experiment: "trial"}, "531": {Limit: 3, Flag: "banner"}, "": {Limit: 3, Flag: "none"},
	} {
		if got := ids(q); got != want {
			t.Errorf("%+v lists %q, want %q", q, got, want)
		}
	}
}
