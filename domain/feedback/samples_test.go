package feedback_test

import (
	"os"
	"testing"

	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/feedback"
)

func TestEventsOfThePastAreRead(t *testing.T) {
	domaintest.Samples(t, feedback.Aggregate, os.DirFS("testdata/events"), map[string]feedback.Event{
		"FeedbackGiven.v1.json": given(),
		"FeedbackGiven.v1.bare.json": given(func(i *feedback.Item) {
			i.Experiment, i.Flag, i.Variant, i.Score = "", "", "", nil
		}),
		"SubjectErased.v1.json": erased("00112233aabbccdd", "ff"),
	})
}
