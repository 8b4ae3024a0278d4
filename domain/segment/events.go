package segment

import "github.com/assayhq/assay/domain"

// Event is something that has happened to a segment.
//
//sumtype:decl
type Event interface{ isSegmentEvent() }

// The events.
type (
	// Created says: the segment exists. By, the attribute that its lists name, never changes.
	Created struct {
		Project     domain.ProjectKey `json:"project"`
		Key         domain.SegmentKey `json:"key"`
		Name        string            `json:"name"`
		Description string            `json:"description,omitempty"`
		By          string            `json:"by,omitempty"`
		Rules       []Rule            `json:"rules,omitempty"`
	}
	// Described says: name or description changed.
	Described struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	// RulesChanged says: the segment has these rules now.
	RulesChanged struct {
		Rules []Rule `json:"rules"`
	}
	// IDsAdded says: these units are on the list now; Count is how many are on it in all.
	IDsAdded struct {
		List  List     `json:"list"`
		IDs   []string `json:"ids"`
		Count int      `json:"count"`
	}
	// IDsRemoved says: these units are on the list no more.
	IDsRemoved struct {
		List  List     `json:"list"`
		IDs   []string `json:"ids"`
		Count int      `json:"count"`
	}
	// ListCleared says: nobody is on the list.
	ListCleared struct {
		List List `json:"list"`
	}
	// Archived says: no further flag can ask for the segment.
	Archived struct{}
	// Restored says: flags can again.
	Restored struct{}
)

func (Created) isSegmentEvent()      {}
func (Described) isSegmentEvent()    {}
func (RulesChanged) isSegmentEvent() {}
func (IDsAdded) isSegmentEvent()     {}
func (IDsRemoved) isSegmentEvent()   {}
func (ListCleared) isSegmentEvent()  {}
func (Archived) isSegmentEvent()     {}
func (Restored) isSegmentEvent()     {}
