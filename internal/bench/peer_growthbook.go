package bench

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"

	gb "github.com/growthbook/growthbook-golang"
	gbof "github.com/growthbook/growthbook-openfeature-provider-go"
	"github.com/open-feature/go-sdk/openfeature"
)

type obj = map[string]any

func gbFeatures(d Dataset) string {
	fs := obj{}
	for _, f := range d.Flags {
		split := func(p int) obj {
			return obj{"key": f.Key, "seed": f.Key, "hashAttribute": "id", "hashVersion": 2, "coverage": 1,
				"variations": []bool{true, false}, "weights": []float64{float64(p) / 100, 1 - float64(p)/100}}
		}
		switch f.Kind {
		case Const:
			fs[f.Key] = obj{"defaultValue": true}
		case Split:
			fs[f.Key] = obj{"defaultValue": false, "rules": []obj{split(f.Percent)}}
		case Segment:
			fs[f.Key] = obj{"defaultValue": false, "rules": []obj{{"condition": obj{"id": obj{"$inGroup": f.Segment}}, "force": true}}}
		case Rules:
			var rs []obj
			for _, r := range f.Rules {
				x := obj{"force": true}
				if r.Percent < 100 {
					x = split(r.Percent)
				}
				x["condition"] = obj{"country": obj{"$in": r.Countries}, "plan": r.Plan, "age": obj{"$gt": r.AgeOver}}
				rs = append(rs, x)
			}
			fs[f.Key] = obj{"defaultValue": false, "rules": rs}
		}
	}
	b, _ := json.Marshal(fs)
	return string(b)
}

func gbAttrs(u *User) gb.Attributes {
	return gb.Attributes{"id": u.Key, "country": u.Country, "plan": u.Plan, "email": u.Email, "version": u.Version, "age": u.Age}
}

func newGBClient(d Dataset) (*gb.Client, error) {
	c, err := gb.NewClient(context.Background(), gb.WithJsonFeatures(gbFeatures(d)),
		gb.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		return nil, err
	}
	if len(d.Segments) > 0 {
		sg, _ := json.Marshal(obj{"status": 200, "features": json.RawMessage(gbFeatures(d)), "savedGroups": d.Segments})
		if err := c.UpdateFromApiResponseJSON(string(sg)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

type gbInst struct {
	c    *gb.Client
	subs []*gb.Client
}

func (g *gbInst) Bool(flag string, u int) bool {
	return g.subs[u].EvalFeature(context.Background(), flag).On
}
func (g *gbInst) Fresh(flag string, u *User) bool {
	c, err := g.c.WithAttributes(gbAttrs(u))
	if err != nil {
		return false
	}
	return c.EvalFeature(context.Background(), flag).On
}

func growthbookPeers(add func(Peer)) {
	add(Peer{"growthbook", "growthbook-golang v0.7.0", "native", false, func(d Dataset) (Instance, error) {
		c, err := newGBClient(d)
		if err != nil {
			return nil, err
		}
		g := &gbInst{c: c}
		for i := range Users {
			s, err := c.WithAttributes(gbAttrs(&Users[i]))
			if err != nil {
				return nil, err
			}
			g.subs = append(g.subs, s)
		}
		return g, nil
	}})
	add(Peer{"growthbook", "openfeature-provider v0.0.3", "of", false, func(d Dataset) (Instance, error) {
		c, err := newGBClient(d)
		if err != nil {
			return nil, err
		}
		return newOF("growthbook", gbof.NewProvider(c, false), func(u *User) openfeature.EvaluationContext {
			return openfeature.NewEvaluationContext(u.Key, map[string]any{"id": u.Key,
				"country": u.Country, "plan": u.Plan, "email": u.Email, "version": u.Version, "age": u.Age})
		})
	}})
}
