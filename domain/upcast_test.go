package domain_test

import (
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
)

// lampEvent is what can happen to a lamp in three versions of a program: it was turned on; then, how bright; then, in thousandths.
type lampEvent interface{ isLampEvent() }

type (
	litV1 struct {
		Room string `json:"room"`
	}
	litV2 struct {
		Room    string `json:"room"`
		Percent int    `json:"percent"`
	}
	lit struct {
		Room     string `json:"room"`
		Thousand int    `json:"thousand"`
	}
	broken struct{}
)

func (lit) isLampEvent()    {}
func (broken) isLampEvent() {}

func lampAggregate() domain.Aggregate[int, string, lampEvent] {
	fromV2 := func(old litV2) lit { return lit{Room: old.Room, Thousand: 10 * old.Percent} }
	wire := domain.Wire[lampEvent]{
		"LampLit":    domain.Upcast[lampEvent](func(old litV1) lit { return fromV2(litV2{Room: old.Room, Percent: 100}) }),
		"LampLit.v2": domain.Upcast[lampEvent](fromV2),
		"LampLit.v3": domain.As[lit, lampEvent],
		"LampBroken": domain.As[broken, lampEvent],
	}
	return domain.Aggregate[int, string, lampEvent]{
		Category: "lamp", Decode: wire.Decode,
		Encode: func(e lampEvent) (string, []byte, error) { return domain.WriteEvent("LampLit.v3", e) },
		Decider: domain.Decider[int, string, lampEvent]{Evolve: func(brightness int, e lampEvent) int {
			switch e := e.(type) {
			case lit:
				return e.Thousand
			default:
				return 0
			}
		}},
	}
}

// A log of three programs folds to what the last of them means by it: v1 had no brightness, so it was full; v2 counted in
// hundredths. The oracle are the comments of the types.
func TestOldBytesDecodeToTodaysEvent(t *testing.T) {
	a := lampAggregate()
	for _, one := range []struct {
		name, body string
		want       lampEvent
	}{
		{"LampLit", `{"room":"hall"}`, lit{"hall", 1000}},
		{"LampLit.v2", `{"room":"hall","percent":25}`, lit{"hall", 250}},
		{"LampLit.v3", `{"room":"hall","thousand":7}`, lit{"hall", 7}},
		{"LampBroken", `{}`, broken{}},
	} {
		got, err := a.Decode(one.name, []byte(one.body))
		if err != nil || got != one.want {
			t.Errorf("%s %s is %+v (%v), want %+v", one.name, one.body, got, err, one.want)
		}
		name, body, err := a.Encode(lit{"hall", 7})
		if err != nil || name != "LampLit.v3" || string(body) != `{"room":"hall","thousand":7}` {
			t.Errorf("what is written today is %s %s (%v)", name, body, err)
		}
	}
}

func TestAnUpcasterRefusesWhatIsNoSuchEvent(t *testing.T) {
	a := lampAggregate()
	for name, body := range map[string]string{"LampLit": `{"room":7}`, "LampLit.v2": `[]`, "LampLit.v4": `{}`} {
		if e, err := a.Decode(name, []byte(body)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s %s is %+v (%v), want an error that names it", name, body, e, err)
		}
	}
	wrong := domain.Wire[lampEvent]{"LampLit": domain.Upcast[lampEvent](func(litV1) litV2 { return litV2{} })}
	if e, err := wrong.Decode("LampLit", []byte(`{}`)); err == nil {
		t.Errorf("an upcaster to something that is no event gives %+v", e)
	}
}
