package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/Unleash/unleash-client-go/v4"
	uctx "github.com/Unleash/unleash-client-go/v4/context"
	"github.com/open-feature/go-sdk/openfeature"
)

// stub answers every request with one JSON body: no network is involved.
type stub []byte

func (s stub) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(s)), Request: r}, nil
}

func unleashJSON(d Dataset) []byte {
	var fs, segs []obj
	n := map[string]int{}
	for id, keys := range d.Segments {
		n[id] = len(n) + 1
		segs = append(segs, obj{"id": n[id], "constraints": []obj{{"contextName": "userId", "operator": "IN", "values": keys}}})
	}
	for _, f := range d.Flags {
		roll := func(p int) obj {
			return obj{"name": "flexibleRollout", "parameters": obj{"rollout": strconv.Itoa(p), "stickiness": "userId", "groupId": f.Key}}
		}
		x := obj{"name": f.Key, "type": "release", "enabled": true}
		var ss []obj
		switch f.Kind {
		case Const:
			ss = []obj{{"name": "default", "parameters": obj{}}}
		case Split:
			ss = []obj{roll(f.Percent)}
		case Segment:
			ss = []obj{{"name": "default", "parameters": obj{}, "segments": []int{n[f.Segment]}}}
		case Rules:
			for _, r := range f.Rules {
				s := roll(r.Percent)
				s["constraints"] = []obj{
					{"contextName": "country", "operator": "IN", "values": r.Countries},
					{"contextName": "plan", "operator": "IN", "values": []string{r.Plan}},
					{"contextName": "age", "operator": "NUM_GT", "value": strconv.Itoa(r.AgeOver)}}
				ss = append(ss, s)
			}
		}
		x["strategies"] = ss
		fs = append(fs, x)
	}
	b, _ := json.Marshal(obj{"version": 2, "features": fs, "segments": segs})
	return b
}

func unleashCtx(u *User) uctx.Context {
	return uctx.Context{UserId: u.Key, Properties: map[string]string{"country": u.Country, "plan": u.Plan,
		"email": u.Email, "version": u.Version, "age": strconv.Itoa(u.Age)}}
}

type unleashInst struct {
	c    *unleash.Client
	opts [][]unleash.FeatureOption
}

func (x *unleashInst) Bool(flag string, u int) bool { return x.c.IsEnabled(flag, x.opts[u]...) }
func (x *unleashInst) Fresh(flag string, u *User) bool {
	return x.c.IsEnabled(flag, unleash.WithContext(unleashCtx(u)))
}

func newUnleash(d Dataset) (*unleash.Client, error) {
	dir, err := os.MkdirTemp("", "unleash-")
	if err != nil {
		return nil, err
	}
	c, err := unleash.NewClient(unleash.WithAppName("bench"), unleash.WithUrl("http://127.0.0.1:1/"),
		unleash.WithHttpClient(&http.Client{Transport: stub(unleashJSON(d))}), unleash.WithDisableMetrics(true),
		unleash.WithRefreshInterval(time.Hour), unleash.WithBackupPath(dir), unleash.WithListener(&unleash.NoopListener{}))
	if err != nil {
		return nil, err
	}
	c.WaitForReady()
	return c, nil
}

func unleashPeers(add func(Peer)) {
	add(Peer{"unleash", "unleash-client-go v4.5.0", "native", false, func(d Dataset) (Instance, error) {
		c, err := newUnleash(d)
		if err != nil {
			return nil, err
		}
		in := &unleashInst{c: c}
		for i := range Users {
			in.opts = append(in.opts, []unleash.FeatureOption{unleash.WithContext(unleashCtx(&Users[i]))})
		}
		return in, nil
	}})
	add(Peer{"unleash", "thin adapter", "of-adapter", false, func(d Dataset) (Instance, error) {
		c, err := newUnleash(d)
		if err != nil {
			return nil, err
		}
		return newOF("unleash", &adapter{eval: func(flag string, fc openfeature.FlattenedContext) bool {
			x := uctx.Context{UserId: str(fc, openfeature.TargetingKey), Properties: make(map[string]string, len(fc))}
			for k, v := range fc {
				if s, ok := v.(string); ok {
					x.Properties[k] = s
				} else {
					x.Properties[k] = fmt.Sprint(v)
				}
			}
			return c.IsEnabled(flag, unleash.WithContext(x))
		}}, nil)
	}})
}
