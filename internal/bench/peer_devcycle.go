package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	devcycle "github.com/devcyclehq/go-server-sdk/v2"
)

// DevCycle: local bucketing, configuration served by a loopback httptest server.

func devcycleJSON(d Dataset) []byte {
	var feats, vars []obj
	for i, f := range d.Flags {
		vid, fid := fmt.Sprintf("v%d", i), fmt.Sprintf("f%d", i)
		vars = append(vars, obj{"_id": vid, "key": f.Key, "type": "Boolean"})
		on, off := fid+"-on", fid+"-off"
		variation := func(id string, val bool) obj {
			return obj{"_id": id, "key": id, "name": id, "variables": []obj{{"_var": vid, "value": val}}}
		}
		all := []obj{{"type": "all", "filters": []any{}, "values": []any{}}}
		target := func(j, p int, filters []obj) obj {
			dist := []obj{{"_variation": on, "percentage": 1}}
			if p < 100 {
				dist = []obj{{"_variation": on, "percentage": float64(p) / 100}, {"_variation": off, "percentage": 1 - float64(p)/100}}
			}
			id := fmt.Sprintf("%s-t%d", fid, j)
			return obj{"_id": id, "distribution": dist, "_audience": obj{"_id": id + "a", "filters": obj{"operator": "and", "filters": filters}}}
		}
		var ts []obj
		switch f.Kind {
		case Const:
			ts = []obj{target(0, 100, all)}
		case Split:
			ts = []obj{target(0, f.Percent, all)}
		case Segment:
			ts = []obj{target(0, 100, []obj{{"type": "user", "subType": "user_id", "comparator": "=", "values": d.Segments[f.Segment]}})}
		case Rules:
			for j, r := range f.Rules {
				ts = append(ts, target(j, r.Percent, []obj{
					{"type": "user", "subType": "country", "comparator": "=", "values": r.Countries},
					{"type": "user", "subType": "customData", "dataKey": "plan", "dataKeyType": "String", "comparator": "=", "values": []string{r.Plan}},
					{"type": "user", "subType": "customData", "dataKey": "age", "dataKeyType": "Number", "comparator": ">", "values": []int{r.AgeOver}}}))
			}
		}
		feats = append(feats, obj{"_id": fid, "key": fid, "type": "release", "variations": []obj{variation(on, true), variation(off, false)},
			"configuration": obj{"_id": fid + "c", "targets": ts, "forcedUsers": obj{}}})
	}
	b, _ := json.Marshal(obj{"project": obj{"_id": "p", "key": "default", "a0_organization": "org_x",
		"settings": obj{"edgeDB": obj{"enabled": false}, "optIn": obj{"enabled": false, "title": "t", "description": "d", "imageURL": "", "colors": obj{"primary": "#000000", "secondary": "#000000"}}}},
		"environment": obj{"_id": "e", "key": "development"}, "features": feats, "variables": vars})
	return b
}

func newDevcycle(d Dataset) (*devcycle.Client, error) {
	body := devcycleJSON(d)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("ETag", "x")
		w.Write(body)
	}))
	return devcycle.NewClient(fmt.Sprintf("dvc_server_%d", ofSeq.Add(1)), &devcycle.Options{ConfigCDNURI: srv.URL, EventsAPIURI: srv.URL, BucketingAPIURI: srv.URL,
		DisableAutomaticEventLogging: true, DisableCustomEventLogging: true, DisableRealtimeUpdates: true,
		ConfigPollingIntervalMS: time.Hour, EventFlushIntervalMS: time.Minute, Logger: dvcLog{}})
}

type dvcLog struct{}

func (dvcLog) Errorf(string, ...any) error { return nil }
func (dvcLog) Debugf(string, ...any)       {}
func (dvcLog) Infof(string, ...any)        {}
func (dvcLog) Warnf(string, ...any)        {}
func (dvcLog) Printf(string, ...any)       {}

func dvcUser(u *User) devcycle.User {
	return devcycle.User{UserId: u.Key, Email: u.Email, Country: u.Country, AppVersion: u.Version,
		CustomData: map[string]any{"plan": u.Plan, "age": float64(u.Age)}}
}

type dvcInst struct {
	c  *devcycle.Client
	us []devcycle.User
}

func (x *dvcInst) Bool(flag string, u int) bool {
	v, _ := x.c.VariableValue(x.us[u], flag, false)
	b, _ := v.(bool)
	return b
}
func (x *dvcInst) Fresh(flag string, u *User) bool {
	v, _ := x.c.VariableValue(dvcUser(u), flag, false)
	b, _ := v.(bool)
	return b
}
func (x *dvcInst) All(u int) int {
	m, _ := x.c.AllVariables(x.us[u])
	return len(m)
}

func devcyclePeers(add func(Peer)) {
	add(Peer{"devcycle", "go-server-sdk v2.24.0", "native", true, func(d Dataset) (Instance, error) {
		c, err := newDevcycle(d)
		if err != nil {
			return nil, err
		}
		x := &dvcInst{c: c}
		for i := range Users {
			x.us = append(x.us, dvcUser(&Users[i]))
		}
		return x, nil
	}})
	add(Peer{"devcycle", "built-in provider v2.24.0", "of", false, func(d Dataset) (Instance, error) {
		c, err := newDevcycle(d)
		if err != nil {
			return nil, err
		}
		return newOF("devcycle", c.OpenFeatureProvider(), nil)
	}})
}
