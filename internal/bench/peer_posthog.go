package bench

import (
	"encoding/json"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/posthog/posthog-go"
)

// PostHog: local evaluation only, $feature_flag_called events off. Static
// cohorts cannot be evaluated locally, so the segment is a property list.

func posthogJSON(d Dataset) []byte {
	var fs []obj
	for i, f := range d.Flags {
		prop := func(k, op string, v any) obj { return obj{"key": k, "operator": op, "value": v, "type": "person"} }
		grp := func(p int, ps ...obj) obj {
			if ps == nil {
				ps = []obj{}
			}
			return obj{"properties": ps, "rollout_percentage": p}
		}
		var gs []obj
		switch f.Kind {
		case Const:
			gs = []obj{grp(100)}
		case Split:
			gs = []obj{grp(f.Percent)}
		case Segment:
			gs = []obj{grp(100, prop("uid", "exact", d.Segments[f.Segment]))}
		case Rules:
			for _, r := range f.Rules {
				gs = append(gs, grp(r.Percent, prop("country", "exact", r.Countries), prop("plan", "exact", []string{r.Plan}), prop("age", "gt", r.AgeOver)))
			}
		}
		fs = append(fs, obj{"id": i, "key": f.Key, "active": true, "filters": obj{"groups": gs}})
	}
	b, _ := json.Marshal(obj{"flags": fs, "group_type_mapping": obj{}, "cohorts": obj{}})
	return b
}

type phLog struct{}

func (phLog) Debugf(string, ...any) {}
func (phLog) Logf(string, ...any)   {}
func (phLog) Warnf(string, ...any)  {}
func (phLog) Errorf(string, ...any) {}

func newPosthog(d Dataset) (posthog.Client, error) {
	return posthog.NewWithConfig("phc_x", posthog.Config{SecretKey: "phs_x", Endpoint: "http://127.0.0.1:1",
		Transport: stub(posthogJSON(d)), Logger: phLog{}, DefaultFeatureFlagsPollingInterval: time.Hour})
}

func phProps(u *User) posthog.Properties {
	return posthog.Properties{"uid": u.Key, "country": u.Country, "plan": u.Plan, "email": u.Email, "version": u.Version, "age": u.Age}
}

var phOff = false

type phInst struct {
	c  posthog.Client
	ps []posthog.Properties
}

func phEval(c posthog.Client, flag, key string, p posthog.Properties) bool {
	v, _ := c.GetFeatureFlag(posthog.FeatureFlagPayload{Key: flag, DistinctId: key, PersonProperties: p,
		OnlyEvaluateLocally: true, SendFeatureFlagEvents: &phOff})
	b, _ := v.(bool)
	return b
}
func (p *phInst) Bool(flag string, u int) bool    { return phEval(p.c, flag, Users[u].Key, p.ps[u]) }
func (p *phInst) Fresh(flag string, u *User) bool { return phEval(p.c, flag, u.Key, phProps(u)) }
func (p *phInst) All(u int) int {
	m, _ := p.c.GetAllFlags(posthog.FeatureFlagPayloadNoKey{DistinctId: Users[u].Key, PersonProperties: p.ps[u], OnlyEvaluateLocally: true, SendFeatureFlagEvents: &phOff})
	return len(m)
}

func posthogPeers(add func(Peer)) {
	add(Peer{"posthog", "posthog-go v1.23.1", "native", true, func(d Dataset) (Instance, error) {
		c, err := newPosthog(d)
		if err != nil {
			return nil, err
		}
		p := &phInst{c: c}
		for i := range Users {
			p.ps = append(p.ps, phProps(&Users[i]))
		}
		return p, nil
	}})
	add(Peer{"posthog", "thin adapter", "of-adapter", false, func(d Dataset) (Instance, error) {
		c, err := newPosthog(d)
		if err != nil {
			return nil, err
		}
		return newOF("posthog", &adapter{eval: func(flag string, fc openfeature.FlattenedContext) bool {
			key := str(fc, openfeature.TargetingKey)
			p := make(posthog.Properties, len(fc)+1)
			for k, v := range fc {
				p[k] = v
			}
			p["uid"] = key
			return phEval(c, flag, key, p)
		}}, nil)
	}})
}
