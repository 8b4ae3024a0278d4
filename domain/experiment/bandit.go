package experiment

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/assayhq/assay/domain"
)

// Bandit asks for the weights that Thompson sampling would give the arms: each as large as the chance that its arm is the best one. They
// are recommended in the results, and applied by a Reweigh that somebody gives, or that the server gives by the schedule of the plan.
type Bandit struct {
	// Floor is the least share of every arm; 5 %, or half of an equal share when that is less, unless told otherwise.
	Floor float64 `json:"floor,omitempty"`
	// A and B are the beta prior of the rates of a binary metric, Mean and SD the normal prior of the means of another one, in the metric's
	// own unit; a flat one when SD is 0.
	A    float64 `json:"a,omitempty"`
	B    float64 `json:"b,omitempty"`
	Mean float64 `json:"mean,omitempty"`
	SD   float64 `json:"sd,omitempty"`
	// EverySeconds is how often the server applies the weights; 0: it only recommends them.
	EverySeconds int64 `json:"every_seconds,omitempty"`
}

const (
	usualFloor = 0.05
	leastFloor = 0.001
	// Between changes there must be new units to learn from, and each change cuts the buckets into more pieces.
	leastPause = time.Hour
	mostPause  = 30 * 24 * time.Hour
)

func checkBandit(p Plan) error {
	b := p.Analysis.Bandit
	if b == nil {
		return nil
	}
	if !p.willBe().AlwaysValid() {
		return domain.Invalid("/analysis/bandit", "a bandit moves traffic by what the results say, so it needs a method that is valid at every moment; choose confidence_sequence or msprt").WithCode("bandit_needs_always_valid")
	}
	if p.Total != domain.DefaultTotal {
		return domain.Invalid("/total", "the weights of a bandit count in 1/%d; leave the total out", domain.DefaultTotal).WithCode("bandit_needs_fine_weights")
	}
	if k := float64(len(p.Arms)); b.Floor != 0 && !(b.Floor >= leastFloor && b.Floor*k <= 1) {
		return domain.Invalid("/analysis/bandit/floor", "the least share of %d arms lies between %v and 1/%d, not at %v", len(p.Arms), leastFloor, len(p.Arms), b.Floor).WithCode("floor_out_of_range")
	}
	if s := b.EverySeconds; s != 0 && (s < int64(leastPause/time.Second) || s > int64(mostPause/time.Second)) {
		return domain.Invalid("/analysis/bandit/every_seconds", "the weights can be applied every %d to %d seconds, not every %d; leave it out to apply them yourself", leastPause/time.Second, mostPause/time.Second, s).WithCode("pause_out_of_range")
	}
	return b.checkPrior()
}

func (b *Bandit) checkPrior() error {
	for _, x := range []float64{b.A, b.B, b.SD} {
		if !(x >= 0 && x <= maxAmount) {
			return domain.Invalid("/analysis/bandit", "a, b and sd of the prior must be finite numbers from 0, not %v", x).WithCode("prior_out_of_range")
		}
	}
	if (b.A == 0) != (b.B == 0) || !(math.Abs(b.Mean) <= maxAmount) || b.Mean != 0 && b.SD == 0 {
		return domain.Invalid("/analysis/bandit", "a beta prior has two numbers, a and b, and a prior mean needs an sd that says how sure it is").WithCode("prior_out_of_range")
	}
	return nil
}

// resolved fills in what nobody said.
func (b *Bandit) resolved(arms int) *Bandit {
	if b == nil {
		return nil
	}
	out := *b
	if out.Floor == 0 {
		out.Floor = math.Min(usualFloor, 0.5/float64(arms))
	}
	if out.A == 0 && out.B == 0 {
		out.A, out.B = 1, 1
	}
	return &out
}

// reweigh gives the arms of a running bandit other weights.
func reweigh(s State, c Reweigh, e domain.Envelope) ([]Event, error) {
	bandit := s.Plan.Analysis.Bandit
	switch {
	case s.Status == StatusDraft:
		return nil, domain.WrongState("the experiment has not started; change the weights of the arms in its plan").WithCode("not_running")
	case s.Status != StatusRunning:
		return nil, domain.WrongState("the experiment is %s, so nobody is assigned to its arms; make a new one to test again", s.Status).WithCode("not_running")
	case bandit == nil:
		return nil, domain.WrongState("the plan of the experiment has no bandit, so the weights of its arms stay as they are; plan one with analysis.bandit before the start, or stop this experiment and make a new one").WithCode("plan_is_frozen")
	}
	arms, err := reweighed(s.Plan, *bandit, c.Arms)
	if err != nil || slices.Equal(arms, s.Plan.Arms) {
		return nil, err
	}
	if err := reasonFor(e, "changing the weights of an experiment that runs"); err != nil {
		return nil, err
	}
	return []Event{WeightsChanged{Arms: arms}}, nil
}

// reweighed are the plan's arms, in its order, with the weights given.
func reweighed(p Plan, b Bandit, given []Arm) ([]Arm, error) {
	if err := checkArms(given, p.Total); err != nil {
		return nil, err
	}
	out := slices.Clone(p.Arms)
	least := domain.Weight(b.Floor * float64(p.Total))
	for i, arm := range out {
		at := slices.IndexFunc(given, func(a Arm) bool { return a.Variant == arm.Variant })
		if at < 0 || len(given) != len(out) {
			return nil, domain.Invalid("/arms", "the weights are for the arms of the plan, all of them and no others; %q is missing or one is too many", arm.Variant).WithCode("wrong_arms")
		}
		if given[at].Weight < least {
			return nil, domain.Invalid(fmt.Sprintf("/arms/%d/weight", at), "the arm %q would get %d of %d, less than the plan's floor of %d", arm.Variant, given[at].Weight, p.Total, least).WithCode("below_floor")
		}
		out[i].Weight = given[at].Weight
	}
	return out, nil
}
