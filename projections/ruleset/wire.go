package ruleset

import (
	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
	"github.com/assayhq/assay/flags"
)

// wireOf is a flag as an environment serves it, without its revision.
func wireOf(s flag.State, environment domain.EnvironmentKey) flags.Flag {
	in := s.In(environment)
	out := flags.Flag{
		Key: string(s.Key), Type: flags.Type(s.Type), On: in.On,
		Off: string(in.Targeting.Off), Default: serveOf(in.Targeting.Default),
	}
	for _, v := range s.Variants {
		out.Variants = append(out.Variants, flags.Variant{Key: string(v.Key), Value: v.Value})
	}
	for _, r := range in.Targeting.Rules {
		rule := flags.Rule{ID: r.ID, Serve: serveOf(r.Serve)}
		for _, c := range r.If {
			rule.If = append(rule.If, flags.Condition{Attribute: c.Attribute, Operator: flags.Operator(c.Operator), Values: c.Values})
		}
		out.Rules = append(out.Rules, rule)
	}
	if l := in.Targeting.Logic; l != nil {
		out.Logic = &flags.Logic{Rule: l.Rule, Fractional: l.Fractional}
	}
	if e := in.Experiment; e != nil {
		out.Experiment = &flags.Experiment{Key: string(e.Experiment), Unit: string(e.Unit), Split: splitOf(e.Split)}
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
	out := flags.Split{Algorithm: s.Algorithm, Salt: s.Salt, Total: uint32(s.Total), By: s.By}
	for _, w := range s.Weights {
		out.Weights = append(out.Weights, flags.Weight{Variant: string(w.Variant), Weight: uint32(w.Weight)})
	}
	return out
}
