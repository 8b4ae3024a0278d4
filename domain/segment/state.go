package segment

import "github.com/assayhq/assay/domain"

// List is one of a segment's two lists.
type List string

// The lists.
const (
	Included List = "included"
	Excluded List = "excluded"
)

// Rule finds the subjects for whom all conditions hold.
type Rule struct {
	// ID names the rule in explanations; unique in the segment. The decider numbers the ones without.
	ID          string             `json:"id"`
	Description string             `json:"description,omitempty"`
	If          []domain.Condition `json:"if"` // at least one
}

// State is what is known of a segment. The zero value: it does not exist.
type State struct {
	Project     domain.ProjectKey
	Key         domain.SegmentKey
	Name        string
	Description string
	By          string
	Rules       []Rule
	Included    IDs
	Excluded    IDs
	Archived    bool
}

// IDs is a list, as the changes that led to it.
type IDs struct {
	Count   int
	Changes []Change
}

// Change is ids that came onto a list or, when Gone is set, left it.
type Change struct {
	IDs  []string
	Gone bool
}

// Set puts the list together.
func (l IDs) Set() map[string]struct{} {
	out := make(map[string]struct{}, l.Count)
	for _, c := range l.Changes {
		for _, id := range c.IDs {
			if c.Gone {
				delete(out, id)
			} else {
				out[id] = struct{}{}
			}
		}
	}
	return out
}

// Exists reports whether the segment was ever created.
func (s State) Exists() bool { return s.Key != "" }

// Asks lists the segments that the rules ask for.
func (s State) Asks() []domain.SegmentKey {
	var all []domain.Condition
	for _, r := range s.Rules {
		all = append(all, r.If...)
	}
	_, segments := domain.Asked(all...)
	return segments
}

func (s *State) list(name List) *IDs {
	if name == Excluded {
		return &s.Excluded
	}
	return &s.Included
}

// WithoutIDs is an event as those need it who count the ids and don't look at them.
func WithoutIDs(e Event) Event {
	switch e := e.(type) {
	case IDsAdded:
		e.IDs = nil
		return e
	case IDsRemoved:
		e.IDs = nil
		return e
	case Created, Described, RulesChanged, ListCleared, Archived, Restored:
	}
	return e
}
