package holdout

import "github.com/assayhq/assay/domain"

// Event is something that has happened to a holdout.
//
//sumtype:decl
type Event interface{ isHoldoutEvent() }

// The events.
type (
	// Created says: the holdout exists and holds Share of Total back. How it buckets never changes.
	Created struct {
		Project     domain.ProjectKey `json:"project"`
		Key         domain.HoldoutKey `json:"key"`
		Name        string            `json:"name"`
		Description string            `json:"description,omitempty"`
		By          string            `json:"by,omitempty"`
		Algorithm   string            `json:"algorithm"`
		Salt        string            `json:"salt"`
		Total       domain.Weight     `json:"total"`
		Share       domain.Weight     `json:"share"`
	}
	// Described says: name or description changed.
	Described struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	// ShareChanged says: that many are held back now.
	ShareChanged struct {
		Share domain.Weight `json:"share"`
	}
	// Archived says: nobody is held back.
	Archived struct{}
	// Restored says: the same are again.
	Restored struct{}
)

func (Created) isHoldoutEvent()      {}
func (Described) isHoldoutEvent()    {}
func (ShareChanged) isHoldoutEvent() {}
func (Archived) isHoldoutEvent()     {}
func (Restored) isHoldoutEvent()     {}
