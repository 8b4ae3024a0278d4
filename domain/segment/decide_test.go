package segment_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/segment"
)

type (
	spec   = domaintest.Spec[segment.State, segment.Command, segment.Event]
	events = []segment.Event
)

func created() segment.Event {
	return segment.Created{Project: "shop", Key: "payers", Name: "payers"}
}

func pays(id string) segment.Rule {
	return segment.Rule{ID: id, If: []domain.Condition{{Attribute: "plan", Operator: domain.Equals, Values: []json.RawMessage{json.RawMessage(`"pro"`)}}}}
}

func added(list segment.List, count int, ids ...string) segment.Event {
	return segment.IDsAdded{List: list, IDs: ids, Count: count}
}

func TestSegments(t *testing.T) {
	asking := func(c domain.Condition) segment.Command {
		return segment.ChangeRules{Rules: []segment.Rule{{If: []domain.Condition{c}}}}
	}
	domaintest.Run(t, segment.Aggregate, []spec{
		{
			Name: "a segment is created with rules that are named", When: segment.Create{Project: "shop", Key: "payers", Rules: []segment.Rule{pays(""), pays("rule-1")}},
			Then: events{segment.Created{Project: "shop", Key: "payers", Name: "payers", Rules: []segment.Rule{pays("rule-2"), pays("rule-1")}}},
		},
		{Name: "a key is taken once", Given: events{created()}, When: segment.Create{Project: "shop", Key: "payers"}, Refused: "already_exists"},
		{Name: "a key is a key", When: segment.Create{Project: "shop", Key: "No!"}, Refused: "bad_key", Pointer: "/key"},
		{Name: "what is not there cannot change", When: segment.Describe{Name: "x"}, Refused: "not_found"},
		{Name: "a description changes", Given: events{created()}, When: segment.Describe{Name: "Customers"}, Then: events{segment.Described{Name: "Customers"}}},
		{Name: "the same description is nothing", Given: events{created()}, When: segment.Describe{}},
		{Name: "rules change", Given: events{created()}, When: segment.ChangeRules{Rules: []segment.Rule{pays("a")}}, Then: events{segment.RulesChanged{Rules: []segment.Rule{pays("a")}}}},
		{Name: "the same rules are nothing", Given: events{created(), segment.RulesChanged{Rules: []segment.Rule{pays("a")}}}, When: segment.ChangeRules{Rules: []segment.Rule{pays("a")}}},
		{Name: "rules go", Given: events{created(), segment.RulesChanged{Rules: []segment.Rule{pays("a")}}}, When: segment.ChangeRules{}, Then: events{segment.RulesChanged{}}},
		{Name: "ids are unique", Given: events{created()}, When: segment.ChangeRules{Rules: []segment.Rule{pays("a"), pays("a")}}, Refused: "duplicate_rule", Pointer: "/rules/1/id"},
		{Name: "a segment asks for no flag", Given: events{created()}, When: asking(domain.Condition{Flag: "f", Variants: []domain.VariantKey{"on"}}), Refused: "flag_in_segment"},
		{Name: "a segment does not ask for itself", Given: events{created()}, When: asking(domain.Condition{Segments: []domain.SegmentKey{"payers"}}), Refused: "circle"},
		{Name: "an archived segment stays as it is", Given: events{created(), segment.Archived{}}, When: segment.AddIDs{List: segment.Included, IDs: []string{"a"}}, Refused: "archived"},
		{Name: "archiving twice is nothing", Given: events{created(), segment.Archived{}}, When: segment.Archive{}},
		{Name: "it comes back", Given: events{created(), segment.Archived{}}, When: segment.Restore{}, Then: events{segment.Restored{}}},
	})
}

func TestListsOfSegments(t *testing.T) {
	domaintest.Run(t, segment.Aggregate, []spec{
		{Name: "who is new is recorded, once", Given: events{created(), added(segment.Included, 1, "a")}, When: segment.AddIDs{List: segment.Included, IDs: []string{"a", "b", "b"}}, Then: events{added(segment.Included, 2, "b")}},
		{Name: "nobody new is nothing", Given: events{created(), added(segment.Included, 1, "a")}, When: segment.AddIDs{List: segment.Included, IDs: []string{"a"}}},
		{
			Name: "whoever is included leaves the excluded", Given: events{created(), added(segment.Excluded, 2, "a", "b")}, When: segment.AddIDs{List: segment.Included, IDs: []string{"a"}},
			Then: events{added(segment.Included, 1, "a"), segment.IDsRemoved{List: segment.Excluded, IDs: []string{"a"}, Count: 1}},
		},
		{
			Name: "a list is replaced", Given: events{created(), added(segment.Included, 1, "a")}, When: segment.AddIDs{List: segment.Included, IDs: []string{"b", "a"}, Only: true},
			Then: events{segment.ListCleared{List: segment.Included}, added(segment.Included, 2, "b", "a")},
		},
		{Name: "a list is emptied", Given: events{created(), added(segment.Included, 1, "a")}, When: segment.AddIDs{List: segment.Included, Only: true}, Then: events{segment.ListCleared{List: segment.Included}}},
		{
			Name: "who leaves is recorded", Given: events{created(), added(segment.Included, 2, "a", "b")}, When: segment.RemoveIDs{List: segment.Included, IDs: []string{"b", "c"}},
			Then: events{segment.IDsRemoved{List: segment.Included, IDs: []string{"b"}, Count: 1}},
		},
		{Name: "who is not there cannot leave", Given: events{created()}, When: segment.RemoveIDs{List: segment.Included, IDs: []string{"b"}}},
		{
			Name: "who left can come again", Given: events{created(), added(segment.Included, 1, "a"), segment.IDsRemoved{List: segment.Included, IDs: []string{"a"}}},
			When: segment.AddIDs{List: segment.Included, IDs: []string{"a"}}, Then: events{added(segment.Included, 1, "a")},
		},
		{Name: "there are two lists", Given: events{created()}, When: segment.AddIDs{List: "others", IDs: []string{"a"}}, Refused: "unknown_list"},
		{Name: "an id is a text", Given: events{created()}, When: segment.AddIDs{List: segment.Included, IDs: []string{"a", ""}}, Refused: "missing", Pointer: "/ids/1"},
		{Name: "ids come in parts", Given: events{created()}, When: segment.AddIDs{List: segment.Included, IDs: make([]string, 20_001)}, Refused: "too_many_ids"},
		{Name: "parts fit into the log", Given: events{created()}, When: segment.RemoveIDs{List: segment.Included, IDs: strings.Split(strings.Repeat(strings.Repeat("x", 500)+" ", 1_100), " ")[:1_100]}, Refused: "too_many_ids"},
	})
}

func TestAListHasAnEnd(t *testing.T) {
	given := events{created()}
	for part := range 100 {
		ids := make([]string, 10_000)
		for i := range ids {
			ids[i] = fmt.Sprintf("%d.%d", part, i)
		}
		given = append(given, segment.IDsAdded{List: segment.Included, IDs: ids, Count: (part + 1) * 10_000})
	}
	state := segment.Aggregate.Fold(given...)
	if got := len(state.Included.Set()); got != 1_000_000 {
		t.Fatalf("%d are on the list", got)
	}
	_, err := segment.Aggregate.Decide(state, segment.AddIDs{List: segment.Included, IDs: []string{"one more"}}, domaintest.Someone())
	if r, _ := domain.AsRefusal(err); r == nil || r.Code != "list_full" {
		t.Errorf("one more: %v", err)
	}
}

// The oracle is a map that is changed by hand.
func TestReplayingGivesTheListThatWasLivedThrough(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		lists := map[segment.List]map[string]bool{segment.Included: {}, segment.Excluded: {}}
		commands := []segment.Command{segment.Create{Project: "shop", Key: "payers"}}
		for range 20 {
			list := []segment.List{segment.Included, segment.Excluded}[random.IntN(2)]
			other := map[segment.List]segment.List{segment.Included: segment.Excluded, segment.Excluded: segment.Included}[list]
			var ids []string
			for range random.IntN(5) + 1 {
				ids = append(ids, fmt.Sprint(random.IntN(10)))
			}
			if random.IntN(3) == 0 {
				commands = append(commands, segment.RemoveIDs{List: list, IDs: ids})
				for _, id := range ids {
					delete(lists[list], id)
				}
				continue
			}
			only := random.IntN(5) == 0
			commands = append(commands, segment.AddIDs{List: list, IDs: ids, Only: only})
			if only {
				clear(lists[list])
			}
			for _, id := range ids {
				if !lists[list][id] {
					lists[list][id] = true
					delete(lists[other], id)
				}
			}
		}
		recorded, err := domaintest.Live(segment.Aggregate, commands, domaintest.Someone())
		if err != nil {
			t.Fatal(err)
		}
		state := segment.Aggregate.Fold(recorded...)
		for list, got := range map[segment.List]segment.IDs{segment.Included: state.Included, segment.Excluded: state.Excluded} {
			set := got.Set()
			if len(set) != len(lists[list]) || got.Count != len(set) {
				t.Fatalf("%s: %v (%d), want %v", list, set, got.Count, lists[list])
			}
			for id := range lists[list] {
				if _, there := set[id]; !there {
					t.Fatalf("%s: %s is lost", list, id)
				}
			}
		}
	}
}

func TestWithoutIDsOnlyTheCountsAreLeft(t *testing.T) {
	state := segment.Aggregate.Fold(created(), segment.WithoutIDs(added(segment.Included, 2, "a", "b")), segment.WithoutIDs(segment.IDsRemoved{List: segment.Included, IDs: []string{"a"}, Count: 1}))
	if state.Included.Count != 1 || state.Included.Changes != nil {
		t.Errorf("%+v", state.Included)
	}
}
