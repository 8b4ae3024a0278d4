package feedback

import "github.com/assayhq/assay/domain"

// State is what is known of a subject.
type State struct {
	Project domain.ProjectKey
	Subject string
	// Items are the ids of all that was said, in order.
	Items []Known
	// Erased is how many of them, from the first, are erased.
	Erased int
}

// Known is what is remembered of an item.
type Known struct{ ID, Mark, Key string }

// Find returns an item by its id and whether it is erased; ok is false when there is none.
func (s State) Find(id string) (item Known, erased, ok bool) {
	for i, k := range s.Items {
		if k.ID == id {
			return k, i < s.Erased, true
		}
	}
	return Known{}, false, false
}
