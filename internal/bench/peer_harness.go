package bench

import (
	"fmt"
	"strconv"

	"github.com/harness/ff-golang-server-sdk/evaluation"
	hlog "github.com/harness/ff-golang-server-sdk/logger"
	"github.com/harness/ff-golang-server-sdk/pkg/repository"
	"github.com/harness/ff-golang-server-sdk/rest"
	"github.com/open-feature/go-sdk/openfeature"
)

// Harness FF: its evaluator over its in-memory repository (what the client
// calls after the network layer). Its "gt" compares strings. Its evaluate-all
// is a stub in v0.2.0 (the repository returns no flags), so there is no Bulker.
// Its bucket hash has no flag-specific salt: one user falls into the same
// percentage bucket of every flag, so the bulk share check does not apply.

func newHarness(d Dataset) (*evaluation.Evaluator, error) {
	cache, err := repository.NewLruCache(20_000)
	if err != nil {
		return nil, err
	}
	repo := repository.New(cache)
	for id, keys := range d.Segments {
		ts := make([]rest.Target, len(keys))
		for i, k := range keys {
			ts[i] = rest.Target{Identifier: k, Name: k}
		}
		repo.SetSegment(rest.Segment{Identifier: id, Name: id, Included: &ts}, true)
	}
	on, off := "true", "false"
	var fcs []rest.FeatureConfig
	for _, f := range d.Flags {
		serve := func(p int) rest.Serve {
			if p == 100 {
				return rest.Serve{Variation: &on}
			}
			return rest.Serve{Distribution: &rest.Distribution{BucketBy: "identifier", Variations: []rest.WeightedVariation{
				{Variation: on, Weight: p}, {Variation: off, Weight: 100 - p}}}}
		}
		fc := rest.FeatureConfig{Feature: f.Key, Kind: "boolean", State: rest.FeatureStateOn, OffVariation: off,
			Variations: []rest.Variation{{Identifier: on, Value: on}, {Identifier: off, Value: off}}, DefaultServe: rest.Serve{Variation: &off}}
		var rs []rest.ServingRule
		switch f.Kind {
		case Const:
			fc.DefaultServe = serve(100)
		case Split:
			fc.DefaultServe = serve(f.Percent)
		case Segment:
			rs = []rest.ServingRule{{Priority: 1, Clauses: []rest.Clause{{Op: "segmentMatch", Values: []string{f.Segment}}}, Serve: serve(100)}}
		case Rules:
			for i, r := range f.Rules {
				rs = append(rs, rest.ServingRule{Priority: i + 1, Serve: serve(r.Percent), Clauses: []rest.Clause{
					{Attribute: "country", Op: "in", Values: r.Countries},
					{Attribute: "plan", Op: "equal_sensitive", Values: []string{r.Plan}},
					{Attribute: "age", Op: "gt", Values: []string{strconv.Itoa(r.AgeOver)}}}})
			}
		}
		if rs != nil {
			fc.Rules = &rs
		}
		fcs = append(fcs, fc)
	}
	for _, fc := range fcs {
		repo.SetFlag(fc, true)
	}
	return evaluation.NewEvaluator(repo, nil, hlog.NewNoOpLogger())
}

func harnessTarget(u *User) *evaluation.Target {
	return &evaluation.Target{Identifier: u.Key, Name: u.Key, Attributes: &map[string]any{"country": u.Country,
		"plan": u.Plan, "email": u.Email, "version": u.Version, "age": strconv.Itoa(u.Age)}}
}

type harnessInst struct {
	e  *evaluation.Evaluator
	ts []*evaluation.Target
}

func (h *harnessInst) Bool(flag string, u int) bool {
	v, _ := h.e.BoolVariation(flag, h.ts[u], false)
	return v
}
func (h *harnessInst) Fresh(flag string, u *User) bool {
	v, _ := h.e.BoolVariation(flag, harnessTarget(u), false)
	return v
}
func harnessPeers(add func(Peer)) {
	add(Peer{"harness", "ff-golang-server-sdk v0.2.0", "native", false, func(d Dataset) (Instance, error) {
		e, err := newHarness(d)
		if err != nil {
			return nil, err
		}
		h := &harnessInst{e: e}
		for i := range Users {
			h.ts = append(h.ts, harnessTarget(&Users[i]))
		}
		return h, nil
	}})
	add(Peer{"harness", "thin adapter", "of-adapter", false, func(d Dataset) (Instance, error) {
		e, err := newHarness(d)
		if err != nil {
			return nil, err
		}
		return newOF("harness", &adapter{eval: func(flag string, fc openfeature.FlattenedContext) bool {
			key := str(fc, openfeature.TargetingKey)
			m := make(map[string]any, len(fc))
			for k, v := range fc {
				if s, ok := v.(string); ok {
					m[k] = s
				} else {
					m[k] = fmt.Sprint(v)
				}
			}
			v, _ := e.BoolVariation(flag, &evaluation.Target{Identifier: key, Name: key, Attributes: &m}, false)
			return v
		}}, nil)
	}})
}
