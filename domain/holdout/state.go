package holdout

import "github.com/assayhq/assay/domain"

// State is what is known of a holdout. The zero value: it does not exist.
type State struct {
	Project     domain.ProjectKey
	Key         domain.HoldoutKey
	Name        string
	Description string
	By          string
	Algorithm   string
	Salt        string
	Total       domain.Weight
	Share       domain.Weight
	Archived    bool
}

// Exists reports whether the holdout was ever created.
func (s State) Exists() bool { return s.Key != "" }

// Slice is who is held back; ok is false when nobody is.
func (s State) Slice() (slice domain.Slice, ok bool) {
	return domain.Slice{Algorithm: s.Algorithm, Salt: s.Salt, Total: s.Total, By: s.By, Ranges: []domain.Range{{To: s.Share}}}, s.Exists() && !s.Archived && s.Share > 0
}
