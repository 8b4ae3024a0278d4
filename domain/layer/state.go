package layer

import "github.com/assayhq/assay/domain"

// State is what is known of a layer. The zero value: it does not exist.
type State struct {
	Project     domain.ProjectKey
	Key         domain.LayerKey
	Name        string
	Description string
	By          string
	Algorithm   string
	Salt        string
	Total       domain.Weight
	// Allocations are the parts that experiments have, in the order in which they got them.
	Allocations []Allocation
	Archived    bool
}

// Allocation is an experiment's part, its ranges sorted.
type Allocation struct {
	Experiment domain.ExperimentKey `json:"experiment"`
	Ranges     []domain.Range       `json:"ranges"`
}

// Share is how many buckets it is.
func (a Allocation) Share() (n domain.Weight) {
	for _, r := range a.Ranges {
		n += r.Size()
	}
	return n
}

// Exists reports whether the layer was ever created.
func (s State) Exists() bool { return s.Key != "" }

// Of returns the part of an experiment.
func (s State) Of(experiment domain.ExperimentKey) (Allocation, bool) {
	for _, a := range s.Allocations {
		if a.Experiment == experiment {
			return a, true
		}
	}
	return Allocation{}, false
}

// Slice is the part of an experiment as what limits it.
func (s State) Slice(experiment domain.ExperimentKey) (domain.Slice, bool) {
	a, ok := s.Of(experiment)
	return domain.Slice{Algorithm: s.Algorithm, Salt: s.Salt, Total: s.Total, By: s.By, Ranges: a.Ranges}, ok
}
