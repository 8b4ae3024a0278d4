package flagimport

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/assayhq/assay/flags"
)

// by is how a split names a place.
func (w where) by() string {
	if w.attribute == flags.TargetingKey {
		return ""
	}
	if len(w.path) == 0 {
		return w.attribute
	}
	steps := []string{""}
	for _, s := range append([]string{w.attribute}, w.path...) {
		steps = append(steps, strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1"))
	}
	return strings.Join(steps, "/")
}

// ldTotal is the unit of LaunchDarkly's weights.
const ldTotal = 100_000

// unplaced serves those whom a split does not place: LaunchDarkly gives them the bucket 0.
type unplaced struct {
	who   flags.Condition
	serve Serve
}

type unplacedAll []unplaced

func (u unplacedAll) add(out *rules, id, description string, condition flags.Condition) {
	for i, one := range u {
		name := ""
		if id != "" {
			name = fmt.Sprintf("%s-unplaced-%d", id, i+1)
		}
		out.add(name, description, allOf(condition, one.who), one.serve)
	}
}

// serve is a variation, or a rollout and what comes before it.
func (l *ldConverter) serve(s ldServe) (Serve, unplacedAll, error) {
	if s.Variation != nil {
		name, err := l.name(*s.Variation)
		return variant(name), nil, err
	}
	if s.Rollout == nil || len(s.Rollout.Variations) == 0 {
		return Serve{}, nil, errors.New("it serves neither a variation nor a rollout")
	}
	r := s.Rollout
	split := flags.Split{Algorithm: flags.LaunchDarklyV1, Salt: l.key + "." + l.from.Salt, Total: ldTotal}
	if r.Seed != nil {
		split.Salt = strconv.Itoa(*r.Seed)
	}
	by, err := r.by()
	if err != nil {
		return Serve{}, nil, fmt.Errorf("it rolls out by what %w", err)
	}
	split.By = by.by()
	rest := ldTotal
	for i, v := range r.Variations {
		name, err := l.name(v.Variation)
		if err != nil {
			return Serve{}, nil, err
		}
		weight := min(max(v.Weight, 0), rest)
		if i == len(r.Variations)-1 {
			weight = rest // what is beyond the weights goes to the last
		}
		rest -= weight
		split.Weights = append(split.Weights, flags.Weight{Variant: name, Weight: uint32(weight)}) //nolint:gosec // in [0, ldTotal]
	}
	var before unplacedAll
	if by.attribute != theKey.attribute { // the empty text is hashed like any other
		before = append(before, unplaced{by.is(flags.Equals, ""), variant(ldBucket(split.Weights, ldShare(split.Salt+".")))})
	}
	before = append(before, unplaced{not(l.isUnit(by)), variant(ldBucket(split.Weights, 0))})
	return serveSplit(split), before, nil
}

// by is where the unit of a rollout is; that of an experiment is always the key.
func (r *ldRollout) by() (where, error) {
	if r.BucketBy == "" || r.Kind == "experiment" {
		return ldKey(r.ContextKind), nil
	}
	return ldAttribute(r.ContextKind, r.BucketBy)
}

// isUnit holds where LaunchDarkly finds a unit: a text, or a whole number.
func (l *ldImport) isUnit(by where) flags.Condition {
	if by.attribute == theKey.attribute {
		return l.present("")
	}
	return anyOf(by.isType("string"), by.is(flags.Modulo, 1, 0))
}

// ldBucket is the variant of a share in [0, 1], as LaunchDarkly finds it.
func ldBucket(weights []flags.Weight, share float32) string {
	sum := float32(0)
	for _, w := range weights {
		if sum += float32(w.Weight) / ldTotal; share < sum {
			return w.Variant
		}
	}
	return weights[len(weights)-1].Variant
}
