package domaintest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
)

// state counts; a lawless aggregate breaks one law each.
type (
	state struct{ Sum []int }
	added struct {
		N int `json:"n"`
	}
)

func counter() domain.Aggregate[state, int, added] {
	return domain.Aggregate[state, int, added]{
		Decider: domain.Decider[state, int, added]{
			Decide: func(_ state, n int, _ domain.Envelope) ([]added, error) {
				if n < 0 {
					return nil, domain.Invalid("/n", "the number must not be negative; send another")
				}
				return []added{{N: n}}, nil
			},
			Evolve: func(s state, e added) state { return state{Sum: append(append([]int{}, s.Sum...), e.N)} },
		},
		Encode: func(e added) (string, []byte, error) { return domain.WriteEvent("Added", e) },
		Decode: domain.Wire[added]{"Added": domain.As[added, added]}.Decode,
	}
}

func TestALawfulAggregateLives(t *testing.T) {
	recorded, err := domaintest.Live(counter(), []int{1, -1, 2}, domaintest.Someone())
	if err != nil || len(recorded) != 2 {
		t.Errorf("recorded %v, %v", recorded, err)
	}
}

func TestLawlessAggregatesAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(*domain.Aggregate[state, int, added])
		want   string
	}{
		"an event that is read as another": {func(a *domain.Aggregate[state, int, added]) {
			a.Decode = func(string, []byte) (added, error) { return added{}, nil }
		}, "was read"},
		"an event that cannot be written": {func(a *domain.Aggregate[state, int, added]) {
			a.Encode = func(e added) (string, []byte, error) { return domain.WriteEvent("", e) }
		}, "wire name"},
		"an error that is no refusal": {func(a *domain.Aggregate[state, int, added]) {
			a.Decide = func(state, int, domain.Envelope) ([]added, error) { return nil, errors.New("oh") }
		}, "oh"},
		"a refusal that records": {func(a *domain.Aggregate[state, int, added]) {
			a.Decide = func(state, int, domain.Envelope) ([]added, error) { return []added{{}}, domain.Invalid("", "no") }
		}, "with 1 events"},
		"a state that is changed in place": {func(a *domain.Aggregate[state, int, added]) {
			a.Evolve = func(s state, e added) state {
				if len(s.Sum) == 0 {
					return state{Sum: []int{e.N}}
				}
				s.Sum[0] += e.N
				return s
			}
		}, "handed out before"},
		"a state that depends on more than the events": {func(a *domain.Aggregate[state, int, added]) {
			calls := 0
			a.Evolve = func(s state, _ added) state { calls++; return state{Sum: append(append([]int{}, s.Sum...), calls)} }
		}, "replaying gives"},
	} {
		a := counter()
		c.breaks(&a)
		_, err := domaintest.Live(a, []int{1, 2, 3}, domaintest.Someone())
		if err == nil || !strings.Contains(strings.Replace(err.Error(), "and read as", "was read", 1), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSentencesAboutTheCounter(t *testing.T) {
	domaintest.Run(t, counter(), []domaintest.Spec[state, int, added]{
		{Name: "adding", Given: []added{{N: 1}}, When: 2, Then: []added{{N: 2}}},
		{Name: "not less than nothing", When: -1, Refused: "invalid", Kind: domain.KindInvalid, Pointer: "/n"},
	})
}
