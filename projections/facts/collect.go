package facts

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// single is one value of a unit.
type single struct {
	row   int32
	value float64
}

// saying is the number of a text of attributes; 0 when nobody asks for them.
func (c *collector) saying(attributes string) int32 {
	if len(c.query.Dimensions) == 0 {
		return 0
	}
	n, ok := c.known[attributes]
	if !ok {
		n = int32(len(c.attributes)) //nolint:gosec // far fewer texts than 2^31
		attributes = strings.Clone(attributes)
		c.known[attributes] = n
		c.attributes = append(c.attributes, attributes)
	}
	return n
}

func (c *collector) exposure(unit uint64, arm int32, at int64, assumed bool, says int32) {
	c.first, c.last, c.horizon = min(c.first, at), max(c.last, at), max(c.horizon, at)
	c.out.AssumedTimes = c.out.AssumedTimes || assumed
	was, known := c.units[unit]
	if !known {
		c.units[unit] = seen{first: at, arm: arm, says: says}
		return
	}
	now := was
	if c.query.KeepFirst {
		now.arm = keepFirst(was, arm, at)
	} else if was.arm != arm {
		now.arm = crossover
	}
	// Of exposures at one instant, the text that comes first in the alphabet speaks: the order of arrival must not matter.
	if at < was.first || at == was.first && says != was.says && c.attributes[says] < c.attributes[was.says] {
		now.first, now.says = at, says
	}
	if now != was {
		c.units[unit] = now
	}
}

// keepFirst is the variant of the earlier of what was seen and an exposure, with the mark of a unit that was seen in several. Of exposures at one
// instant the first arm in the query's order counts: the order of arrival must not matter.
func keepFirst(was seen, arm int32, at int64) int32 {
	known, mark := was.arm&^changed, was.arm&changed
	if arm != known {
		mark = changed
	}
	if at < was.first || at == was.first && arm < known {
		known = arm
	}
	return known | mark
}

// number gives every unit of an arm its row, in the order of the units' numbers.
func (c *collector) number() {
	order := make([]uint64, 0, len(c.units))
	for unit := range c.units {
		order = append(order, unit)
	}
	slices.Sort(order)
	var says []int32
	for _, unit := range order {
		u := c.units[unit]
		switch {
		case u.arm == crossover:
			c.out.Crossovers++
			continue
		case u.arm&changed != 0:
			c.out.Crossovers++
			u.arm &^= changed
		}
		switch {
		case int(u.arm) >= len(c.query.Arms):
			c.out.UnknownVariant++
			c.units[unit] = seen{first: u.first, arm: unknown}
			continue
		}
		c.units[unit] = seen{first: u.first, arm: int32(len(c.out.Arm))} //nolint:gosec // rows are bounded by memory long before 2^31
		c.out.Arm = append(c.out.Arm, uint8(u.arm))                      //nolint:gosec // at most maxArms
		c.out.FirstAt = append(c.out.FirstAt, u.first)
		says = append(says, u.says)
	}
	rows := len(c.out.Arm)
	for _, m := range c.query.Metrics {
		c.out.Values = append(c.out.Values, make([]float64, rows))
		var given []bool
		var lastAt []int64
		if m.Kind == Sum || m.Kind == Last {
			given = make([]bool, rows)
		}
		if m.Kind == Last {
			lastAt = make([]int64, rows)
		}
		c.given, c.lastAt = append(c.given, given), append(c.lastAt, lastAt)
	}
	for _, attribute := range c.query.Dimensions {
		c.out.Dimensions = append(c.out.Dimensions, c.dimension(attribute, says))
	}
}

// dimension reads an attribute of every unit. Each different text of attributes is read once.
func (c *collector) dimension(attribute string, says []int32) Dimension {
	texts := make([]string, len(c.attributes))
	numbers := map[string]int32{}
	for i, attributes := range c.attributes {
		texts[i] = valueOf(attributes, attribute)
	}
	for _, i := range says {
		numbers[texts[i]] = 0
	}
	out := Dimension{Attribute: attribute, Values: slices.Sorted(maps.Keys(numbers)), Of: make([]int32, len(says))}
	for i, text := range out.Values {
		numbers[text] = int32(i)
	}
	for row, i := range says {
		out.Of[row] = numbers[texts[i]]
	}
	return out
}

// valueOf is an attribute as text: a string as it is, a number or a boolean as it is written, "" for anything else.
func valueOf(attributes, name string) string {
	var all map[string]json.RawMessage
	if attributes == "" || json.Unmarshal([]byte(attributes), &all) != nil {
		return ""
	}
	raw := all[name]
	var text string
	switch {
	case len(raw) == 0, raw[0] == '{', raw[0] == '[', string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &text) == nil:
		return text
	default:
		return string(raw)
	}
}

func (c *collector) measurement(wanted []int, unit uint64, at int64, value float64, assumed bool) {
	c.horizon = max(c.horizon, at)
	u, exposed := c.units[unit]
	if !exposed {
		for _, i := range wanted {
			c.strays[i][unit] = struct{}{}
		}
		return
	}
	if u.arm < 0 {
		return
	}
	for _, i := range wanted {
		m := &c.query.Metrics[i]
		if !m.covers(at - u.first) {
			continue
		}
		c.out.AssumedTimes = c.out.AssumedTimes || assumed
		c.count(i, m.Kind, u.arm, at, value)
	}
}

func (c *collector) count(metric int, kind Kind, row int32, at int64, value float64) {
	switch values := c.out.Values[metric]; kind {
	case Any:
		values[row] = 1
	case Count:
		values[row]++
	case Sum:
		c.add(metric, row, value)
	case Each:
		values[row]++
		c.singles[metric] = append(c.singles[metric], single{row, value})
	case Last:
		// Of answers at one instant the highest counts: the order of arrival must not matter.
		was := c.lastAt[metric][row]
		if !c.given[metric][row] || at > was || at == was && value > values[row] {
			c.given[metric][row], c.lastAt[metric][row], values[row] = true, at, value
		}
	}
}

func (c *collector) add(metric int, row int32, value float64) {
	if !c.given[metric][row] {
		c.given[metric][row], c.out.Values[metric][row] = true, value
		return
	}
	c.several[metric] = append(c.several[metric], single{row, value})
}

// addSeveral adds the further values of units that have more than one. Each unit's values are summed in order of size.
func (c *collector) addSeveral(metric int) {
	further, sums := c.several[metric], c.out.Values[metric]
	sortSingles(further)
	var own []float64
	for i := 0; i < len(further); {
		row := further[i].row
		own = append(own[:0], sums[row])
		for ; i < len(further) && further[i].row == row; i++ {
			own = append(own, further[i].value)
		}
		slices.Sort(own)
		sums[row] = 0
		for _, v := range own {
			sums[row] += v
		}
	}
}

func (c *collector) finish() *Units {
	for i := range c.several {
		c.addSeveral(i)
		c.out.WithoutExposure = append(c.out.WithoutExposure, int64(len(c.strays[i])))
		c.out.Each = append(c.out.Each, inOrder(c.singles[i]))
		given := c.given[i]
		if c.query.Metrics[i].Kind != Last {
			given = nil
		}
		c.out.Given = append(c.out.Given, given)
	}
	if c.first <= c.last {
		c.out.FirstExposure, c.out.LastExposure = time.Unix(0, c.first).UTC(), time.Unix(0, c.last).UTC()
		c.out.Horizon = time.Unix(0, c.horizon).UTC()
	}
	c.out.Position = c.query.At
	return &c.out
}

func sortSingles(all []single) {
	slices.SortFunc(all, func(a, b single) int {
		if a.row != b.row {
			return int(a.row - b.row)
		}
		return cmp.Compare(a.value, b.value)
	})
}

func inOrder(all []single) Singles {
	sortSingles(all)
	out := Singles{Row: make([]int32, len(all)), Value: make([]float64, len(all))}
	for i, s := range all {
		out.Row[i], out.Value[i] = s.row, s.value
	}
	return out
}
