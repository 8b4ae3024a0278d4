package ruleset

import (
	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/flags"
)

// wireOf is a flag as an environment serves it, without its revision.
func wireOf(s flag.State, environment domain.EnvironmentKey, holdouts map[domain.HoldoutKey]*holdoutState) flags.Flag {
	in := s.In(environment)
	out := flags.Flag{
		Key: string(s.Key), Type: flags.Type(s.Type), On: in.On,
		Off: string(in.Targeting.Off), Default: serveOf(in.Targeting.Default), Metadata: s.Metadata.Values(),
	}
	for _, v := range s.Variants {
		out.Variants = append(out.Variants, flags.Variant{Key: string(v.Key), Value: v.Value})
	}
	for _, o := range in.Targeting.Overrides {
		out.Overrides = append(out.Overrides, flags.Override{Variant: string(o.Variant), By: o.By, Units: o.Units})
	}
	out.Holdouts = holdoutsOf(in.Targeting, holdouts)
	for _, r := range in.Targeting.Rules {
		out.Rules = append(out.Rules, flags.Rule{ID: r.ID, If: conditionsOf(r.If), Serve: serveOf(r.Serve)})
	}
	if l := in.Targeting.Logic; l != nil {
		out.Logic = &flags.Logic{Rule: l.Rule, Fractional: l.Fractional}
	}
	if e := in.Experiment; e != nil {
		out.Experiment = &flags.Experiment{Key: string(e.Experiment), Unit: string(e.Unit), Split: splitOf(e.Split)}
		for _, slice := range e.Within {
			out.Experiment.Within = append(out.Experiment.Within, sliceOf(slice))
		}
	}
	out.Requires = out.Needs()
	return out
}

func serveOf(s flag.Serve) flags.Serve {
	out := flags.Serve{Variant: string(s.Variant)}
	if s.Split != nil {
		split := splitOf(*s.Split)
		out.Split = &split
	}
	return out
}

func splitOf(s flag.Split) flags.Split {
	out := flags.Split{Algorithm: s.Algorithm, Salt: s.Salt, Total: uint32(s.Total), By: s.By, Strings: s.Strings}
	for _, w := range s.Ranges() {
		out.Weights = append(out.Weights, flags.Weight{Variant: string(w.Variant), Weight: uint32(w.Weight)})
	}
	return out
}

func sliceOf(s domain.Slice) flags.Slice {
	out := flags.Slice{Algorithm: s.Algorithm, Salt: s.Salt, Total: uint32(s.Total), By: s.By, Strings: s.Strings}
	for _, r := range s.Ranges {
		out.Ranges = append(out.Ranges, flags.Range{From: uint32(r.From), To: uint32(r.To)})
	}
	return out
}

// holdoutsOf are those that hold anybody back.
func holdoutsOf(t flag.Targeting, holdouts map[domain.HoldoutKey]*holdoutState) (out []flags.Holdout) {
	held := t.Held
	if held == "" {
		held = t.Off
	}
	for _, key := range t.Holdouts {
		if h := holdouts[key]; h != nil {
			if slice, holds := h.state.Slice(); holds {
				out = append(out, flags.Holdout{Key: string(key), Slice: sliceOf(slice), Serve: string(held)})
			}
		}
	}
	return out
}

func conditionsOf(all []domain.Condition) []flags.Condition {
	if all == nil {
		return nil
	}
	out := make([]flags.Condition, len(all))
	for i, c := range all {
		out[i] = flags.Condition{
			Attribute: c.Attribute, Path: c.Path, Operator: flags.Operator(c.Operator), Values: c.Values, IgnoreCase: c.IgnoreCase, Elements: c.Elements,
			All: conditionsOf(c.All), Any: conditionsOf(c.Any), Segments: textsOf(c.Segments), Flag: string(c.Flag), Variants: textsOf(c.Variants), Not: c.Not,
		}
		if c.Slice != nil {
			slice := sliceOf(*c.Slice)
			out[i].Slice = &slice
		}
	}
	return out
}

func textsOf[T ~string](all []T) (out []string) {
	for _, t := range all {
		out = append(out, string(t))
	}
	return out
}

// askedBy lists the segments that a flag asks for in an environment.
func askedBy(s flag.State, environment domain.EnvironmentKey) (segments []domain.SegmentKey) {
	for _, r := range s.In(environment).Targeting.Rules {
		_, asked := domain.Asked(r.If...)
		segments = append(segments, asked...)
	}
	return segments
}
