package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	goffof "github.com/open-feature/go-sdk-contrib/providers/go-feature-flag-in-process/pkg"
	ff "github.com/thomaspoignant/go-feature-flag"
	"github.com/thomaspoignant/go-feature-flag/ffcontext"
)

type staticRetriever []byte

func (s staticRetriever) Retrieve(context.Context) ([]byte, error) { return s, nil }

func goffConfig(d Dataset, jsonlogic bool) ff.Config {
	cfg := obj{}
	for _, f := range d.Flags {
		vars := obj{"on": true, "off": false}
		serve := func(p int, q string) obj {
			r := obj{"variation": "on"}
			if p < 100 {
				r = obj{"percentage": obj{"on": p, "off": 100 - p}}
			}
			if q != "" {
				r["query"] = q
			}
			return r
		}
		x := obj{"variations": vars, "defaultRule": obj{"variation": "off"}, "trackEvents": false}
		switch f.Kind {
		case Const:
			x["defaultRule"] = obj{"variation": "on"}
		case Split:
			x["defaultRule"] = serve(f.Percent, "")
		case Segment:
			q := `key in ["` + strings.Join(d.Segments[f.Segment], `","`) + `"]`
			if jsonlogic {
				q = mustJSON(obj{"in": []any{obj{"var": "key"}, d.Segments[f.Segment]}})
			}
			x["targeting"] = []obj{serve(100, q)}
		case Rules:
			var rs []obj
			for _, r := range f.Rules {
				q := fmt.Sprintf(`country in ["%s"] and plan eq "%s" and age gt %d`, strings.Join(r.Countries, `","`), r.Plan, r.AgeOver)
				if jsonlogic {
					q = mustJSON(obj{"and": []any{
						obj{"in": []any{obj{"var": "country"}, r.Countries}},
						obj{"==": []any{obj{"var": "plan"}, r.Plan}},
						obj{">": []any{obj{"var": "age"}, r.AgeOver}}}})
				}
				rs = append(rs, serve(r.Percent, q))
			}
			x["targeting"] = rs
		}
		cfg[f.Key] = x
	}
	b, _ := json.Marshal(cfg)
	return ff.Config{Context: context.Background(), PollingInterval: time.Hour, FileFormat: "json",
		LeveledLogger: slog.New(slog.DiscardHandler), Retriever: staticRetriever(b), Offline: false}
}

func mustJSON(v any) string { b, _ := json.Marshal(v); return string(b) }

func goffContext(u *User) ffcontext.Context {
	return ffcontext.NewEvaluationContextBuilder(u.Key).AddCustom("country", u.Country).AddCustom("plan", u.Plan).
		AddCustom("email", u.Email).AddCustom("version", u.Version).AddCustom("age", u.Age).Build()
}

type goffInst struct {
	c    *ff.GoFeatureFlag
	ctxs []ffcontext.Context
}

func (g *goffInst) Bool(flag string, u int) bool {
	v, _ := g.c.BoolVariation(flag, g.ctxs[u], false)
	return v
}
func (g *goffInst) Fresh(flag string, u *User) bool {
	v, _ := g.c.BoolVariation(flag, goffContext(u), false)
	return v
}
func (g *goffInst) All(u int) int { s := g.c.AllFlagsState(g.ctxs[u]); return len(s.GetFlags()) }

func newGOFF(d Dataset, jsonlogic bool) (Instance, error) {
	c, err := ff.New(goffConfig(d, jsonlogic))
	if err != nil {
		return nil, err
	}
	g := &goffInst{c: c}
	for i := range Users {
		g.ctxs = append(g.ctxs, goffContext(&Users[i]))
	}
	return g, nil
}

func gofeatureflagPeers(add func(Peer)) {
	add(Peer{"gofeatureflag", "go-feature-flag v1.55.2", "native", true, func(d Dataset) (Instance, error) { return newGOFF(d, false) }})
	add(Peer{"gofeatureflag-jsonlogic", "go-feature-flag v1.55.2", "native", true, func(d Dataset) (Instance, error) { return newGOFF(d, true) }})
	add(Peer{"gofeatureflag", "in-process provider v0.1.3", "of", false, func(d Dataset) (Instance, error) {
		c := goffConfig(d, false)
		p, err := goffof.NewProvider(goffof.ProviderOptions{GOFeatureFlagConfig: &c})
		if err != nil {
			return nil, err
		}
		return newOF("goff", p, nil)
	}})
}
