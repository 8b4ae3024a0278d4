package facts

import (
	"context"
	"fmt"
	"math"
	"slices"
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
	// At is the position whose facts count; 0 for all that are applied. Facts after it are not seen.
	At eventlog.Position
}

// Metric says how a unit's measurements become its value.
type Metric struct {
	Event string
	Kind  Kind
	// Window is how long after a unit's first exposure its measurements count; 0 for ever.
	Window time.Duration
}

// Kind is how measurements become a value.
type Kind int

// The kinds.
const (
	Any   Kind = iota + 1 // 1 when there is any measurement, else 0
	Count                 // the number of measurements
	Sum                   // the sum of their values
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
	// Values are each unit's values, by metric.
	Values [][]float64
	// Crossovers are units seen in several variants. They have no row.
	Crossovers int64
	// UnknownVariant are units seen only in one variant that is not among Arms. They have no row.
	UnknownVariant int64
	// WithoutExposure are, by metric, units with measurements of its event that were never exposed.
	WithoutExposure []int64
	// FirstExposure and LastExposure are the times of the earliest and the latest exposure; zero without any.
	FirstExposure, LastExposure time.Time
	// AssumedTimes: some of the rows had no time stamp of their own.
	AssumedTimes bool
}

// maxArms is what an arm's number can hold.
const maxArms = 100

// Units makes the table. It works on a snapshot of the rows, so applying goes on meanwhile.
func (s *Store) Units(ctx context.Context, q Query) (*Units, error) {
	if len(q.Arms) == 0 || len(q.Arms) > maxArms {
		return nil, fmt.Errorf("a query needs 1 to %d arms, not %d", maxArms, len(q.Arms))
	}
	s.mu.RLock()
	position, segments, tail := s.position, s.segments, s.tail
	exposures, measurements := tail.exposures, tail.measurements
	s.mu.RUnlock()
	if q.At == 0 {
		q.At = position
	}
	if q.At > position {
		return nil, fmt.Errorf("the facts are applied up to position %d, not yet to %d; ask again in a moment", position, q.At)
	}
	c := newCollector(q)
	for _, g := range segments {
		if err := c.scanExposures(ctx, g); err != nil {
			return nil, err
		}
	}
	c.readExposures(exposures)
	c.number()
	for _, g := range segments {
		if err := c.scanMeasurements(ctx, g); err != nil {
			return nil, err
		}
	}
	c.readMeasurements(measurements)
	return c.finish(), nil
}

// readExposures takes the rows that are not sealed yet.
func (c *collector) readExposures(rows []exposureRow) {
	q := c.query
	for i := range rows {
		x := &rows[i]
		if x.Position <= uint64(q.At) && x.Project == string(q.Project) && x.Environment == string(q.Environment) && x.Experiment == string(q.Experiment) && x.UnitType == string(q.UnitType) {
			c.exposure(x.Unit, c.armOf(x.Variant), x.OccurredAt, x.Assumed)
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

// seen is what is known of an exposed unit: its first exposure and its variant. While exposures are read arm is the
// variant's number; after number() it is the unit's row, or why it has none.
type seen struct {
	first int64
	arm   int32
}

type collector struct {
	query    Query
	variants map[string]int32 // arms, then any others as they come
	units    map[uint64]seen
	events   map[string][]int // metrics that look at an event
	strays   []map[uint64]struct{}
	// several holds the values of units that have more than one for a metric; they are summed in order of size, so
	// that the sum does not depend on the order of arrival.
	several     []map[int32][]float64
	given       [][]bool // the unit has a value for the metric
	out         Units
	first, last int64
}

func newCollector(q Query) *collector {
	c := &collector{
		query: q, variants: map[string]int32{}, units: map[uint64]seen{}, events: map[string][]int{},
		strays: make([]map[uint64]struct{}, len(q.Metrics)), several: make([]map[int32][]float64, len(q.Metrics)),
		first: math.MaxInt64, last: math.MinInt64,
	}
	for _, arm := range q.Arms {
		c.armOf(string(arm))
	}
	for i, m := range q.Metrics {
		c.events[m.Event] = append(c.events[m.Event], i)
		c.strays[i] = map[uint64]struct{}{}
		c.several[i] = map[int32][]float64{}
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

func (c *collector) exposure(unit uint64, arm int32, at int64, assumed bool) {
	c.first, c.last = min(c.first, at), max(c.last, at)
	c.out.AssumedTimes = c.out.AssumedTimes || assumed
	was, known := c.units[unit]
	switch {
	case !known:
		c.units[unit] = seen{first: at, arm: arm}
	case was.arm != arm && was.arm != crossover:
		c.units[unit] = seen{first: min(was.first, at), arm: crossover}
	case at < was.first:
		c.units[unit] = seen{first: at, arm: was.arm}
	}
}

// number gives every unit of an arm its row, in the order of the units' numbers.
func (c *collector) number() {
	order := make([]uint64, 0, len(c.units))
	for unit := range c.units {
		order = append(order, unit)
	}
	slices.Sort(order)
	for _, unit := range order {
		u := c.units[unit]
		switch {
		case u.arm == crossover:
			c.out.Crossovers++
			continue
		case int(u.arm) >= len(c.query.Arms):
			c.out.UnknownVariant++
			c.units[unit] = seen{first: u.first, arm: unknown}
			continue
		}
		c.units[unit] = seen{first: u.first, arm: int32(len(c.out.Arm))} //nolint:gosec // rows are bounded by memory long before 2^31
		c.out.Arm = append(c.out.Arm, uint8(u.arm))                      //nolint:gosec // at most maxArms
		c.out.FirstAt = append(c.out.FirstAt, u.first)
	}
	for range c.query.Metrics {
		c.out.Values = append(c.out.Values, make([]float64, len(c.out.Arm)))
		c.given = append(c.given, make([]bool, len(c.out.Arm)))
	}
}

func (c *collector) measurement(wanted []int, unit uint64, at int64, value float64, assumed bool) {
	u, exposed := c.units[unit]
	if !exposed {
		for _, i := range wanted {
			c.strays[i][unit] = struct{}{}
		}
		return
	}
	if u.arm < 0 || at < u.first {
		return
	}
	for _, i := range wanted {
		m := &c.query.Metrics[i]
		if m.Window > 0 && at-u.first >= int64(m.Window) {
			continue
		}
		c.out.AssumedTimes = c.out.AssumedTimes || assumed
		switch m.Kind {
		case Any:
			c.out.Values[i][u.arm] = 1
		case Count:
			c.out.Values[i][u.arm]++
		case Sum:
			c.add(i, u.arm, value)
		}
	}
}

func (c *collector) add(metric int, row int32, value float64) {
	if !c.given[metric][row] {
		c.given[metric][row], c.out.Values[metric][row] = true, value
		return
	}
	more := c.several[metric]
	if len(more[row]) == 0 {
		more[row] = append(more[row], c.out.Values[metric][row])
	}
	more[row] = append(more[row], value)
}

func (c *collector) finish() *Units {
	for i, more := range c.several {
		for row, values := range more {
			slices.Sort(values)
			sum := 0.0
			for _, v := range values {
				sum += v
			}
			c.out.Values[i][row] = sum
		}
		c.out.WithoutExposure = append(c.out.WithoutExposure, int64(len(c.strays[i])))
	}
	if c.first <= c.last {
		c.out.FirstExposure, c.out.LastExposure = time.Unix(0, c.first).UTC(), time.Unix(0, c.last).UTC()
	}
	c.out.Position = c.query.At
	return &c.out
}

// Position is the log's, for callers that may not know the log itself.
type Position = eventlog.Position
