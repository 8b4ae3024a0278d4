package segment_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/segment"
)

func TestEventsOfThePastAreRead(t *testing.T) {
	rules := []segment.Rule{{ID: "rule-1", Description: "Who pays", If: []domain.Condition{
		{Attribute: "plan", Operator: domain.Equals, Values: []json.RawMessage{json.RawMessage(`"pro"`)}, IgnoreCase: true},
		{Not: true, Segments: []domain.SegmentKey{"staff"}},
	}}}
	domaintest.Samples(t, segment.Aggregate, os.DirFS("testdata/events"), map[string]segment.Event{
		"SegmentCreated.v1.json":      segment.Created{Project: "shop", Key: "payers", Name: "Payers", Description: "Who pays.", By: "company", Rules: rules},
		"SegmentDescribed.v1.json":    segment.Described{Name: "Customers", Description: "All of them."},
		"SegmentRulesChanged.v1.json": segment.RulesChanged{Rules: rules},
		"SegmentIDsAdded.v1.json":     segment.IDsAdded{List: segment.Included, IDs: []string{"acme", "<b>", "Zoë"}, Count: 3},
		"SegmentIDsRemoved.v1.json":   segment.IDsRemoved{List: segment.Excluded, IDs: []string{"acme"}, Count: 0},
		"SegmentListCleared.v1.json":  segment.ListCleared{List: segment.Included},
		"SegmentArchived.v1.json":     segment.Archived{},
		"SegmentRestored.v1.json":     segment.Restored{},
	})
}
