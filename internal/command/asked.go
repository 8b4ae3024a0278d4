package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/domain/holdout"
	"github.com/assayhq/assay/domain/segment"
)

// What flags and segments ask for lies in other streams. It is looked up before a command is decided: a circle, or something
// that is not there, is refused here. Two commands at the same time can still close a circle between them; the engine lets
// such flags answer PARSE_ERROR, and the next change of any of them is refused until it opens the circle.

// maxChain bounds how many flags, or segments, can lead one to another.
const maxChain = 16

// checkAsked refuses rules that ask for what cannot be had. What the environment asks for already may stay.
func (s *Service) checkAsked(ctx context.Context, in domain.ProjectKey, key domain.FlagKey, environment domain.EnvironmentKey, rules []flag.Rule, holdouts []domain.HoldoutKey) error {
	asks := slices.ContainsFunc(rules, func(r flag.Rule) bool {
		flags, segments := domain.Asked(r.If...)
		return len(flags)+len(segments) > 0
	})
	if !asks && len(holdouts) == 0 {
		return nil
	}
	now, err := load(ctx, s.log, flag.Aggregate, domain.Stream(flag.Aggregate.Category, in, key))
	if err != nil {
		return err
	}
	was := now.state.In(environment).Targeting
	var before []domain.Condition
	for _, r := range was.Rules {
		before = append(before, r.If...)
	}
	_, known := domain.Asked(before...)
	for i, r := range rules {
		at := fmt.Sprintf("/rules/%d/if", i)
		flags, segments := domain.Asked(r.If...)
		if err := s.checkSegments(ctx, in, segments, known, at); err != nil {
			return err
		}
		if err := s.checkFlags(ctx, in, environment, []domain.FlagKey{key}, flags, at); err != nil {
			return err
		}
		if err := s.checkVariants(ctx, in, r.If, at); err != nil {
			return err
		}
	}
	return s.checkHoldouts(ctx, in, holdouts, was.Holdouts)
}

func (s *Service) checkSegments(ctx context.Context, in domain.ProjectKey, asked, known []domain.SegmentKey, at string) error {
	for _, key := range asked {
		past, err := load(ctx, s.log, segment.Aggregate, domain.Stream(segment.Aggregate.Category, in, key))
		if err != nil {
			return err
		}
		switch {
		case !past.state.Exists():
			return domain.Invalid(at, "there is no segment %q in this project; create it first", key).WithCode("unknown_segment")
		case past.state.Archived && !slices.Contains(known, key):
			return domain.Invalid(at, "the segment %q is archived; restore it or choose another", key).WithCode("archived_segment")
		}
	}
	return nil
}

// checkFlags walks the flags that are asked for, and those that they ask for in turn. way is how it came here.
func (s *Service) checkFlags(ctx context.Context, in domain.ProjectKey, environment domain.EnvironmentKey, way, asked []domain.FlagKey, at string) error {
	for _, key := range asked {
		if slices.Contains(way, key) {
			return domain.Invalid(at, "the flags would go round in a circle: %s; leave one of the conditions out", chain(append(slices.Clone(way), key))).WithCode("circle")
		}
		if len(way) >= maxChain {
			return domain.Invalid(at, "more than %d flags would lead one to another: %s; ask for fewer", maxChain, chain(way)).WithCode("too_deep")
		}
		past, err := load(ctx, s.log, flag.Aggregate, domain.Stream(flag.Aggregate.Category, in, key))
		if err != nil {
			return err
		}
		if len(way) == 1 && (!past.state.Exists() || past.state.Archived) {
			return domain.Invalid(at, "there is no flag %q in service in this project; create or restore it first", key).WithCode("unknown_flag")
		}
		var conditions []domain.Condition
		for _, r := range past.state.In(environment).Targeting.Rules {
			conditions = append(conditions, r.If...)
		}
		next, _ := domain.Asked(conditions...)
		if err := s.checkFlags(ctx, in, environment, append(slices.Clone(way), key), next, at); err != nil {
			return err
		}
	}
	return nil
}

func chain[K ~string](keys []K) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = string(k)
	}
	return strings.Join(texts, " → ")
}

// checkVariants refuses conditions on variants that the flag asked for does not have: they could never hold.
func (s *Service) checkVariants(ctx context.Context, in domain.ProjectKey, all []domain.Condition, at string) error {
	for _, c := range all {
		if err := s.checkVariants(ctx, in, slices.Concat(c.All, c.Any), at); err != nil {
			return err
		}
		if c.Flag == "" {
			continue
		}
		past, err := load(ctx, s.log, flag.Aggregate, domain.Stream(flag.Aggregate.Category, in, c.Flag))
		if err != nil {
			return err
		}
		for _, key := range c.Variants {
			if !slices.ContainsFunc(past.state.Variants, func(v flag.Variant) bool { return v.Key == key }) {
				return domain.Invalid(at, "the flag %q has no variant %q; ask for one that it has", c.Flag, key).WithCode("unknown_variant")
			}
		}
	}
	return nil
}

func (s *Service) checkHoldouts(ctx context.Context, in domain.ProjectKey, asked, known []domain.HoldoutKey) error {
	for i, key := range asked {
		past, err := load(ctx, s.log, holdout.Aggregate, domain.Stream(holdout.Aggregate.Category, in, key))
		if err != nil {
			return err
		}
		at := fmt.Sprintf("/holdouts/%d", i)
		switch {
		case !past.state.Exists():
			return domain.Invalid(at, "there is no holdout %q in this project; create it first", key).WithCode("unknown_holdout")
		case past.state.Archived && !slices.Contains(known, key):
			return domain.Invalid(at, "the holdout %q is archived; restore it or choose another", key).WithCode("archived_holdout")
		}
	}
	return nil
}

// checkNested refuses rules of a segment that ask for segments which are not there, or which lead back to it.
func (s *Service) checkNested(ctx context.Context, in domain.ProjectKey, way []domain.SegmentKey, rules []segment.Rule) error {
	asked := segment.State{Rules: rules}.Asks()
	for _, key := range asked {
		if slices.Contains(way, key) {
			return domain.Invalid("/rules", "the segments would go round in a circle: %s; leave one of the conditions out", chain(append(slices.Clone(way), key))).WithCode("circle")
		}
		if len(way) >= maxChain {
			return domain.Invalid("/rules", "more than %d segments would lead one to another: %s; ask for fewer", maxChain, chain(way)).WithCode("too_deep")
		}
		past, err := load(ctx, s.log, segment.Aggregate, domain.Stream(segment.Aggregate.Category, in, key))
		if err != nil {
			return err
		}
		if len(way) == 1 && !past.state.Exists() {
			return domain.Invalid("/rules", "there is no segment %q in this project; create it first", key).WithCode("unknown_segment")
		}
		if err := s.checkNested(ctx, in, append(slices.Clone(way), key), past.state.Rules); err != nil {
			return err
		}
	}
	return nil
}
