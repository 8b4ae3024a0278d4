package facts

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
)

// Query asks for the units of an experiment.
type Query struct {
	Project     domain.ProjectKey
	Environment domain.EnvironmentKey
	Experiment  domain.ExperimentKey
	UnitType    domain.UnitType
	// Arms are the variants under test, in the order in which Units numbers them.
	Arms    []domain.VariantKey
	Metrics []Metric
	// Dimensions are attributes of exposures by which units are told apart; a unit has the value of its first exposure.
	Dimensions []string
	// KeepFirst leaves a unit that was seen in several variants in the arm of its first exposure, for experiments that moved units between
	// their arms. Otherwise it is in none.
	KeepFirst bool
	// At is the position whose facts count; 0 for all that are applied. Facts after it are not seen.
	At eventlog.Position
}

// Metric says how a unit's measurements become its value.
type Metric struct {
	Event string
	Kind  Kind
	// Window is how long a unit's measurements count; 0 for ever. It begins From after its first exposure.
	Window time.Duration
	From   time.Duration
	// Before, when it is not 0, looks the other way: measurements count that lie before the unit's first exposure by at most this
	// much. Such a value is a covariate; nothing that happened after the exposure is in it.
	Before time.Duration
}

// covers reports whether a measurement so long after the first exposure (negative: before it) counts.
func (m *Metric) covers(after int64) bool {
	if m.Before > 0 {
		return after < 0 && after >= -int64(m.Before)
	}
	after -= int64(m.From)
	return after >= 0 && (m.Window <= 0 || after < int64(m.Window))
}

// Kind is how measurements become a value.
type Kind int

// The kinds.
const (
	Any   Kind = iota + 1 // 1 when there is any measurement, else 0
	Count                 // the number of measurements
	Sum                   // the sum of their values
	Each                  // every single value, in Units.Each
	Last                  // the value of the last one in time; Units.Given says which units have one
)

// Units is a table with one row per unit in an arm, sorted by the unit's number, so that it does not depend on the order in
// which facts arrived.
type Units struct {
	// Position is that of the facts it is made of: the query's, or up to where the log was applied.
	Position eventlog.Position
	// Arm is each unit's arm, an index into Query.Arms.
	Arm []uint8
	// FirstAt is each unit's first exposure, in nanoseconds since 1970.
	FirstAt []int64
	// Values are each unit's values, by metric. For the kind Each they are the number of values.
	Values [][]float64
	// Given says, for metrics of the kind Last, which units have a value; nil for the others.
	Given [][]bool
	// Each holds, for metrics of the kind Each, all single values; empty for the others.
	Each []Singles
	// Dimensions are those of the query.
	Dimensions []Dimension
	// Crossovers are units seen in several variants. They have no row, unless the query keeps them where they were first.
	Crossovers int64
	// UnknownVariant are units seen only in one variant that is not among Arms. They have no row.
	UnknownVariant int64
	// WithoutExposure are, by metric, units with measurements of its event that were never exposed.
	WithoutExposure []int64
	// FirstExposure and LastExposure are the times of the earliest and the latest exposure; zero without any.
	FirstExposure, LastExposure time.Time
	// Horizon is the time of the latest fact seen, exposure or measurement: up to when units were under observation.
	Horizon time.Time
	// AssumedTimes: some of the rows had no time stamp of their own.
	AssumedTimes bool
}

// Singles are values of units that have any number of them, ordered by row and then by size, so that they do not depend on the
// order of arrival.
type Singles struct {
	Row   []int32 // into Units.Arm
	Value []float64
}

// Dimension is an attribute's value for each unit.
type Dimension struct {
	Attribute string
	// Values are the different values in alphabetical order; the empty one: the exposure did not say.
	Values []string
	// Of is each unit's value, an index into Values.
	Of []int32
}

// maxArms is what an arm's number can hold.
const maxArms = 100

// Units makes the table. It works on a snapshot of the rows, so applying goes on meanwhile. The table may be handed out again, so it must
// not be written to. The error is a *DamageError when what it needs is damaged on disk.
func (s *Store) Units(ctx context.Context, q Query) (*Units, error) {
	if len(q.Arms) == 0 || len(q.Arms) > maxArms {
		return nil, fmt.Errorf("a query needs 1 to %d arms, not %d", maxArms, len(q.Arms))
	}
	s.mu.RLock()
	position, segments, tail, wound := s.position, s.segments, s.tail, s.wound
	exposures, measurements := tail.exposures, tail.measurements
	s.mu.RUnlock()
	if q.At == 0 {
		q.At = position
	}
	if q.At > position {
		return nil, fmt.Errorf("the facts are applied up to position %d, not yet to %d; ask again in a moment", position, q.At)
	}
	key := keyOfQuery(q)
	if known := s.recent.get(key); known != nil {
		return known, nil
	}
	c := newCollector(q)
	for _, g := range segments {
		if err := c.scanExposures(ctx, g); err != nil {
			return nil, wound.explain(err)
		}
	}
	c.readExposures(exposures)
	c.number()
	for _, g := range segments {
		if err := c.scanMeasurements(ctx, g); err != nil {
			return nil, wound.explain(err)
		}
	}
	c.readMeasurements(measurements)
	out := c.finish()
	s.recent.put(key, out)
	return out, nil
}

// readExposures takes the rows that are not sealed yet.
func (c *collector) readExposures(rows []exposureRow) {
	q := c.query
	for i := range rows {
		x := &rows[i]
		if x.Position <= uint64(q.At) && x.Project == string(q.Project) && x.Environment == string(q.Environment) && x.Experiment == string(q.Experiment) && x.UnitType == string(q.UnitType) {
			c.exposure(x.Unit, c.armOf(x.Variant), x.OccurredAt, x.Assumed, c.saying(x.Attributes))
		}
	}
}

// readMeasurements takes the rows that are not sealed yet.
func (c *collector) readMeasurements(rows []measurementRow) {
	q := c.query
	for i := range rows {
		m := &rows[i]
		if m.Position <= uint64(q.At) && m.Project == string(q.Project) && m.Environment == string(q.Environment) && m.UnitType == string(q.UnitType) {
			if wanted := c.events[m.Event]; wanted != nil {
				c.measurement(wanted, m.Unit, m.OccurredAt, m.Value, m.Assumed)
			}
		}
	}
}

// Places of a unit that has no row.
const (
	crossover = -1
	unknown   = -2
)

// changed marks the variant of a unit that was seen in others, too.
const changed = 1 << 30

// seen is what is known of an exposed unit: its first exposure and its variant. While exposures are read arm is the
// variant's number; after number() it is the unit's row, or why it has none.
type seen struct {
	first int64
	arm   int32
	says  int32 // its attributes, an index into collector.attributes
}

type collector struct {
	query    Query
	variants map[string]int32 // arms, then any others as they come
	units    map[uint64]seen
	events   map[string][]int // metrics that look at an event
	strays   []map[uint64]struct{}
	// several holds, by metric, the further values of units that have more than one; they are summed in order of size, so that the
	// sum does not depend on the order of arrival.
	several     [][]single
	given       [][]bool // the unit has a value for the metric
	lastAt      [][]int64
	singles     [][]single
	attributes  []string // the different texts of attributes, as they come
	known       map[string]int32
	out         Units
	first, last int64
	horizon     int64
}

func newCollector(q Query) *collector {
	c := &collector{
		query: q, variants: map[string]int32{}, units: map[uint64]seen{}, events: map[string][]int{},
		strays: make([]map[uint64]struct{}, len(q.Metrics)), several: make([][]single, len(q.Metrics)),
		first: math.MaxInt64, last: math.MinInt64, horizon: math.MinInt64, known: map[string]int32{}, singles: make([][]single, len(q.Metrics)),
	}
	for _, arm := range q.Arms {
		c.armOf(string(arm))
	}
	for i, m := range q.Metrics {
		c.events[m.Event] = append(c.events[m.Event], i)
		c.strays[i] = map[uint64]struct{}{}
	}
	return c
}

func (c *collector) armOf(variant string) int32 {
	n, ok := c.variants[variant]
	if !ok {
		n = int32(len(c.variants)) //nolint:gosec // far fewer variants than 2^31
		c.variants[variant] = n
	}
	return n
}

// Position is the log's, for callers that may not know the log itself.
type Position = eventlog.Position
