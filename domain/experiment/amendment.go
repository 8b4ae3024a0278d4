package experiment

import (
	"slices"

	"github.com/assayhq/assay/domain"
)

// checkAmendment refuses to change, once units are assigned, by which rules the results are judged: whoever has seen data must
// not choose the test. Metrics, the hypothesis, the planned end and what is only shown beside the results may be amended; each amendment is
// on record.
func checkAmendment(s State, plan Plan) error {
	if s.Plan.Analysis.Method == "" && !sameRules(plan.Analysis, s.Plan.Analysis) || !sameRules(plan.Analysis.judging(), s.Plan.Analysis.judging()) {
		return domain.WrongState("the experiment has started, so what its plan says of the analysis stays as it is: method, alpha, looks, corrections, margins and the like; segments, the Bayesian view and the floor and pace of a bandit may be amended. Leave the rest out, or stop the experiment and make a new one to judge by other rules").WithCode("analysis_is_frozen")
	}
	return nil
}

// amendedBy is the plan with what its analysis leaves out: all of it, where nothing is said of it, and the defaults of what may be amended.
func (s State) amendedBy(plan Plan) Plan {
	if sameRules(plan.Analysis, Analysis{}) {
		plan.Analysis = s.Plan.Analysis // whoever says nothing of it means to leave it
	}
	plan.Analysis = plan.Analysis.withPriors()
	plan.Analysis.Bandit = plan.Analysis.Bandit.resolved(len(plan.Arms))
	return plan
}

// judging is the analysis without what is only shown beside the results and decides nothing.
func (a Analysis) judging() Analysis {
	a.Segments, a.Bayesian = nil, nil
	if a.Bandit != nil { // whether there is one, and its prior, stays
		bandit := *a.Bandit
		bandit.Floor, bandit.EverySeconds = 0, 0
		a.Bandit = &bandit
	}
	return a
}

// withPriors fills in what nobody said of the priors.
func (a Analysis) withPriors() Analysis {
	if b := a.Bayesian; b != nil && b.A == 0 && b.B == 0 {
		a.Bayesian = &Bayesian{RelativeMean: b.RelativeMean, RelativeSD: b.RelativeSD, A: 1, B: 1}
	}
	return a
}

// Changes lists in words what an amendment changed of a plan.
func Changes(from, to Plan) []string {
	var out []string
	add := func(changed bool, what string) {
		if changed {
			out = append(out, what)
		}
	}
	add(from.Hypothesis != to.Hypothesis, "hypothesis")
	add(from.Primary != to.Primary, "primary metric")
	add(!slices.Equal(from.Secondary, to.Secondary), "secondary metrics")
	add(!slices.Equal(from.Guardrails, to.Guardrails), "guardrails")
	add(!from.PlannedEnd.Equal(to.PlannedEnd), "planned end")
	add(!slices.Equal(from.Analysis.Segments, to.Analysis.Segments), "segments")
	add(!sameRules(Analysis{Bayesian: from.Analysis.Bayesian}, Analysis{Bayesian: to.Analysis.Bayesian}), "Bayesian view")
	add(!sameRules(Analysis{Bandit: from.Analysis.Bandit}, Analysis{Bandit: to.Analysis.Bandit}), "bandit")
	return out
}
