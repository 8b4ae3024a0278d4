package analysis

import (
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/domain/metric"
	"github.com/assayhq/assay/projections/facts"
)

// Input is what an analysis is made of.
type Input struct {
	Position                        facts.Position
	Experiment                      experiment.State
	StartedAt, StoppedAt, DecidedAt time.Time
	// ChangedAt is when the experiment was last changed; a draft is shown as if it started then.
	ChangedAt  time.Time
	Amendments []Amendment
	// Weighings are the changes of the arms' weights since the start, in order.
	Weighings []Weighing
	// Metrics are those that the plan names, also for covariates, as they were at the position. One that is missing is reported as such.
	Metrics map[domain.MetricKey]metric.State
	// Units are the answer to Query, which for a group sequential design asks for the facts of the last reading. Now are the units
	// at the position itself, without values where they differ; nil: the same.
	Units, Now *facts.Units
	// Look is a reading that is about to be taken at the position; nil for a report.
	Look *NewLook
}

// NewLook is a reading about to be taken.
type NewLook struct {
	// Planned is the number of the planned look it is, from 1; 0 for one in between.
	Planned int
	// Fraction is the part of the planned information there is, Final whether all of alpha is spent.
	Fraction float64
	Final    bool
	At       time.Time
}
