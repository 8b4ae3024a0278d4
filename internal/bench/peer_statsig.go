package bench

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/open-feature/go-sdk/openfeature"
	statsig "github.com/statsig-io/go-sdk"
)

// Statsig: local mode, configuration handed over by a data adapter so that ID
// lists (its segments) load too. Exposure logging is off.

func statsigSpecs(d Dataset) string {
	cond := func(typ, op, field string, target any) obj {
		return obj{"type": typ, "operator": op, "field": field, "targetValue": target, "additionalValues": obj{}, "idType": "userID"}
	}
	var gates []obj
	for _, f := range d.Flags {
		rule := func(i, p int, cs ...obj) obj {
			id := fmt.Sprintf("%s-%d", f.Key, i)
			return obj{"name": id, "id": id, "salt": id, "passPercentage": p, "returnValue": true, "idType": "userID", "conditions": cs}
		}
		public := obj{"type": "public", "operator": "any", "targetValue": nil, "field": "", "additionalValues": obj{}}
		g := obj{"name": f.Key, "type": "feature_gate", "salt": f.Key, "enabled": true, "defaultValue": false, "idType": "userID", "entity": "feature_gate"}
		switch f.Kind {
		case Const:
			g["rules"] = []obj{rule(0, 100, public)}
		case Split:
			g["rules"] = []obj{rule(0, f.Percent, public)}
		case Segment:
			g["rules"] = []obj{rule(0, 100, cond("unit_id", "in_segment_list", "", f.Segment))}
		case Rules:
			var rs []obj
			for i, r := range f.Rules {
				rs = append(rs, rule(i, r.Percent,
					cond("user_field", "any_case_sensitive", "country", r.Countries),
					cond("user_field", "any_case_sensitive", "plan", []string{r.Plan}),
					cond("user_field", "gt", "age", r.AgeOver)))
			}
			g["rules"] = rs
		}
		gates = append(gates, g)
	}
	return mustJSON(obj{"feature_gates": gates, "dynamic_configs": []obj{}, "layer_configs": []obj{}, "layers": obj{},
		"id_lists": obj{segmentID: true}, "has_updates": true, "time": 1631638014811})
}

type statsigAdapter map[string]string

func (a statsigAdapter) Get(k string) string                        { return a[k] }
func (a statsigAdapter) Set(string, string)                         {}
func (a statsigAdapter) Initialize()                                {}
func (a statsigAdapter) Shutdown()                                  {}
func (a statsigAdapter) ShouldBeUsedForQueryingUpdates(string) bool { return false }

func newStatsig(d Dataset) *statsig.Client {
	a := statsigAdapter{statsig.CONFIG_SPECS_KEY: statsigSpecs(d)}
	lists := obj{}
	for id, keys := range d.Segments {
		var sb strings.Builder
		for _, k := range keys {
			h := sha256.Sum256([]byte(k))
			sb.WriteString("+" + base64.StdEncoding.EncodeToString(h[:])[:8] + "\r\n")
		}
		lists[id] = obj{"name": id, "size": sb.Len(), "url": "http://127.0.0.1:1/x", "creationTime": 1, "fileID": "f1"}
		a[statsig.ID_LISTS_KEY+"::"+id] = sb.String()
	}
	b, _ := json.Marshal(lists)
	a[statsig.ID_LISTS_KEY] = string(b)
	return statsig.NewClientWithOptions("secret-x", &statsig.Options{LocalMode: true, DataAdapter: a,
		OutputLoggerOptions:  statsig.OutputLoggerOptions{LogCallback: func(string, error) {}},
		UAParserOptions:      statsig.UAParserOptions{Disabled: true},
		IPCountryOptions:     statsig.IPCountryOptions{Disabled: true},
		StatsigLoggerOptions: statsig.StatsigLoggerOptions{DisableAllLogging: true}})
}

func statsigUser(u *User) statsig.User {
	return statsig.User{UserID: u.Key, Country: u.Country, Email: u.Email, AppVersion: u.Version,
		Custom: map[string]any{"plan": u.Plan, "age": u.Age}}
}

type statsigInst struct {
	c  *statsig.Client
	us []statsig.User
}

func (s *statsigInst) Bool(flag string, u int) bool {
	return s.c.CheckGateWithExposureLoggingDisabled(s.us[u], flag)
}
func (s *statsigInst) Fresh(flag string, u *User) bool {
	return s.c.CheckGateWithExposureLoggingDisabled(statsigUser(u), flag)
}
func (s *statsigInst) All(u int) int {
	return len(s.c.GetClientInitializeResponse(s.us[u], "", false).FeatureGates)
}

func statsigPeers(add func(Peer)) {
	add(Peer{"statsig", "go-sdk v1.35.1", "native", true, func(d Dataset) (Instance, error) {
		s := &statsigInst{c: newStatsig(d)}
		for i := range Users {
			s.us = append(s.us, statsigUser(&Users[i]))
		}
		return s, nil
	}})
	add(Peer{"statsig", "thin adapter", "of-adapter", false, func(d Dataset) (Instance, error) {
		c := newStatsig(d)
		return newOF("statsig", &adapter{eval: func(flag string, fc openfeature.FlattenedContext) bool {
			return c.CheckGateWithExposureLoggingDisabled(statsig.User{UserID: str(fc, openfeature.TargetingKey),
				Country: str(fc, "country"), Email: str(fc, "email"), AppVersion: str(fc, "version"),
				Custom: map[string]any{"plan": fc["plan"], "age": fc["age"]}}, flag)
		}}, nil)
	}})
}
