package command_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/eventlog"
)

// A stop that is recorded while the flag cannot be told must not be answered with "nothing was recorded"; repeating it completes
// it.
func TestAnExperimentThatIsRecordedWithoutItsFlagIsNotSaidToBeRefused(t *testing.T) {
	c := shop(t)
	ok(c.Experiment(t.Context(), "shop", "one", experiment.Start{}, o()))(t)
	c.log.set(func(append appending) (eventlog.Position, error) {
		if eventlog.Category(append.stream) == "flag" {
			return 0, fmt.Errorf("%w: full", eventlog.ErrUnavailable)
		}
		return append.do()
	})
	stop := o()
	stop.CommandID = "stop"
	_, err := c.Experiment(t.Context(), "shop", "one", experiment.Stop{}, stop)
	if !errors.Is(err, eventlog.ErrUnknownOutcome) {
		t.Errorf("the answer is %v, want an unknown outcome: the experiment is %s", err, c.status("one"))
	}
	c.serves("one", "", experiment.StatusStopped)
	c.log.set(nil)
	ok(c.Experiment(t.Context(), "shop", "one", experiment.Stop{}, stop))(t)
	c.serves("", "", experiment.StatusStopped)
}
