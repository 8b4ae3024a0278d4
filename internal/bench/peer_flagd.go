package bench

import (
	"context"
	"encoding/json"
	"os"

	"github.com/go-logr/logr"
	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	flagd "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"go.uber.org/zap"
)

func flagdJSON(d Dataset) []byte {
	fs, evs := obj{}, obj{}
	for id, keys := range d.Segments {
		evs[id] = obj{"in": []any{obj{"var": "targetingKey"}, keys}}
	}
	for _, f := range d.Flags {
		split := func(p int) any {
			return obj{"fractional": []any{[]any{"on", p}, []any{"off", 100 - p}}}
		}
		x := obj{"state": "ENABLED", "variants": obj{"on": true, "off": false}, "defaultVariant": "off"}
		switch f.Kind {
		case Const:
			x["defaultVariant"] = "on"
		case Split:
			x["targeting"] = split(f.Percent)
		case Segment:
			x["targeting"] = obj{"if": []any{obj{"$ref": f.Segment}, "on", "off"}}
		case Rules:
			var chain []any
			for _, r := range f.Rules {
				chain = append(chain, obj{"and": []any{
					obj{"in": []any{obj{"var": "country"}, r.Countries}},
					obj{"==": []any{obj{"var": "plan"}, r.Plan}},
					obj{">": []any{obj{"var": "age"}, r.AgeOver}}}})
				if r.Percent == 100 {
					chain = append(chain, "on")
				} else {
					chain = append(chain, split(r.Percent))
				}
			}
			x["targeting"] = obj{"if": append(chain, "off")}
		}
		fs[f.Key] = x
	}
	b, _ := json.Marshal(obj{"flags": fs, "$evaluators": evs})
	return b
}

func flagdCtx(u *User) map[string]any {
	return map[string]any{"targetingKey": u.Key, "country": u.Country, "plan": u.Plan, "email": u.Email, "version": u.Version, "age": float64(u.Age)}
}

type flagdInst struct {
	e    *evaluator.JSON
	ctxs []map[string]any
}

func (f *flagdInst) Bool(flag string, u int) bool {
	v, _, _, _, _ := f.e.ResolveBooleanValue(context.Background(), "", flag, f.ctxs[u])
	return v
}
func (f *flagdInst) Fresh(flag string, u *User) bool {
	v, _, _, _, _ := f.e.ResolveBooleanValue(context.Background(), "", flag, flagdCtx(u))
	return v
}
func (f *flagdInst) All(u int) int {
	vs, _, _ := f.e.ResolveAllValues(context.Background(), "", f.ctxs[u])
	return len(vs)
}

func flagdPeers(add func(Peer)) {
	add(Peer{"flagd", "flagd/core v0.16.1", "native", true, func(d Dataset) (Instance, error) {
		log := logger.NewLogger(zap.NewNop(), false)
		st, err := store.NewStore(log, []string{"src"})
		if err != nil {
			return nil, err
		}
		e := evaluator.NewJSON(log, st)
		if err := e.SetState(sync.DataSync{FlagData: string(flagdJSON(d)), Source: "src"}); err != nil {
			return nil, err
		}
		in := &flagdInst{e: e}
		for i := range Users {
			in.ctxs = append(in.ctxs, flagdCtx(&Users[i]))
		}
		return in, nil
	}})
	add(Peer{"flagd", "contrib provider v0.6.0 in-process file", "of", false, func(d Dataset) (Instance, error) {
		f, err := os.CreateTemp("", "flagd-*.json")
		if err != nil {
			return nil, err
		}
		f.Write(flagdJSON(d))
		f.Close()
		p, err := flagd.NewProvider(flagd.WithFileResolver(), flagd.WithOfflineFilePath(f.Name()), flagd.WithLogger(logr.Discard()), flagd.WithDeadline(20_000))
		if err != nil {
			return nil, err
		}
		return newOF("flagd", p, nil)
	}})
}
