package interop

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Unleash/unleash-client-go/v4"
	unleashcontext "github.com/Unleash/unleash-client-go/v4/context"

	"github.com/assayhq/assay/flags"
)

// quiet takes what the client tells: it says so when a constraint cannot be compared.
type quiet struct{ unleash.NoopListener }

func (quiet) OnError(error)   {}
func (quiet) OnWarning(error) {}

func TestRandomFeaturesOfUnleashDecideTheSame(t *testing.T) {
	c := newTally()
	for seed := range uint64(*files) {
		g := unleashGenerator{drawn: draw(seed)}
		file := g.file()
		rs, m := c.read(t, "unleash", file)
		client, err := unleash.NewClient(unleash.WithAppName("test"), unleash.WithUrl("http://127.0.0.1:1/"), unleash.WithHttpClient(&http.Client{Transport: stub(marshal(t, file))}),
			unleash.WithDisableMetrics(true), unleash.WithRefreshInterval(time.Hour), unleash.WithBackupPath(t.TempDir()), unleash.WithListener(quiet{}))
		if err != nil {
			t.Fatal(err)
		}
		client.WaitForReady()
		for range 60 {
			who, theirs := g.context()
			for _, key := range rs.Keys() {
				feature, isVariant := strings.CutSuffix(key, ".variant")
				var want string
				switch {
				case strings.HasPrefix(key, "after-"):
					continue // a flag of the import's own
				case isVariant:
					v := client.GetVariant(feature, unleash.WithVariantContext(theirs))
					switch {
					case !v.Enabled || v.Name == "disabled":
						want = "null"
					case v.Payload.Type == "":
						want = strconv.Quote(v.Name)
					case v.Payload.Type == "string":
						want = strconv.Quote(v.Payload.Value)
					default:
						want = v.Payload.Value
					}
				default:
					want = strconv.FormatBool(client.IsEnabled(key, unleash.WithContext(theirs)))
				}
				d := rs.Decide(key, who)
				if isVariant && d.ErrorCode == flags.TargetingKeyMissing && who.Key == "" && want != "null" {
					continue // without what it is sticky to, Unleash draws a variant anew each time
				}
				if got := valueOf(d); !sameValue(got, want) {
					explained(t, key, file, object{"key": who.Key, "attributes": who.Attributes}, m, got, want)
				}
				c.served[want]++
			}
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c.holds(t, 0.9)
	if len(c.served) < 8 {
		t.Errorf("only these are served: %v", c.served)
	}
}

type unleashGenerator struct {
	drawn
	names []string
}

func (g *unleashGenerator) file() object {
	var features, segments []object
	for i := range 3 {
		segments = append(segments, object{"id": i, "name": fmt.Sprint("Segment ", i), "constraints": g.constraints()})
	}
	for i := range 8 {
		name := fmt.Sprint(of(g.drawn, "feature-", "someFeature"), i)
		features = append(features, g.feature(name))
		g.names = append(g.names, name)
	}
	return object{"version": 2, "features": features, "segments": segments}
}

func (g *unleashGenerator) feature(name string) object {
	f := object{"name": name, "enabled": !g.one(8)}
	kind := of(g.drawn, "", "string", "json", "number")
	strategies := []object{}
	withVariants := g.one(2)
	for range g.IntN(4) {
		s := g.strategy(name)
		if withVariants && s["name"] == "flexibleRollout" && !g.one(3) {
			s["variants"] = g.variants(kind)
		}
		strategies = append(strategies, s)
	}
	f["strategies"] = strategies
	if g.one(3) {
		f["variants"] = g.variants(kind)
	}
	if g.one(3) && len(g.names) > 0 {
		d := object{"feature": of(g.drawn, append(g.names, "unknown")...)}
		if g.one(2) {
			d["enabled"] = g.one(2)
		}
		f["dependencies"] = []object{d}
	}
	return f
}

func (g *unleashGenerator) variants(kind string) (out []object) {
	stickiness := of(g.drawn, "default", "userId", "company")
	for i := range 1 + g.IntN(3) {
		v := object{"name": fmt.Sprint("v", i), "weight": of(g.drawn, 0, 100, 333, 500), "stickiness": stickiness}
		if i == 0 {
			v["weight"] = 250
		}
		switch kind {
		case "string":
			v["payload"] = object{"type": kind, "value": fmt.Sprint("text ", g.IntN(3))}
		case "json":
			v["payload"] = object{"type": kind, "value": fmt.Sprintf(`{"x":%d}`, g.IntN(3))}
		case "number":
			v["payload"] = object{"type": kind, "value": of(g.drawn, "1", "2.5")}
		}
		if g.one(3) {
			v["overrides"] = []object{{"contextName": of(g.drawn, "userId", "company", "age"), "values": []string{"u1", "u2", "c3", "18"}}}
		}
		out = append(out, v)
	}
	return out
}

func (g *unleashGenerator) strategy(feature string) object {
	s := object{"constraints": g.constraints(), "name": "default", "parameters": object{}}
	if g.one(3) {
		s["segments"] = some(g.drawn, 2, 0, 1, 2)
		if g.one(10) {
			s["segments"] = []int{7} // which is not there
		}
	}
	group := of(g.drawn, feature, "shared")
	percentage := of(g.drawn, "0", "1", "37", "50.7", "99", "100")
	switch g.IntN(7) {
	case 0:
		s["name"], s["parameters"] = "userWithId", object{"userIds": of(g.drawn, "u1, u2,u3", "", "u9,")}
	case 1:
		s["name"], s["parameters"] = "gradualRolloutUserId", object{"percentage": percentage, "groupId": group}
	case 2:
		s["name"], s["parameters"] = "gradualRolloutSessionId", object{"percentage": percentage, "groupId": group}
	case 3:
		s["name"], s["parameters"] = "remoteAddress", object{"IPs": of(g.drawn, "10.0.0.0/8, 192.168.1.7", "127.0.0.1,::1,nonsense", "2001:db8::/32")}
	case 4:
	default:
		s["name"], s["parameters"] = "flexibleRollout", object{"rollout": percentage, "groupId": group, "stickiness": of(g.drawn, "default", "userId", "sessionId", "company")}
	}
	return s
}

func (g *unleashGenerator) constraints() []object {
	out := []object{}
	for range g.IntN(3) {
		c := g.constraint()
		c["inverted"] = g.one(3)
		out = append(out, c)
	}
	return out
}

func (g *unleashGenerator) constraint() object {
	switch g.IntN(8) {
	case 0:
		return object{"contextName": "age", "operator": of(g.drawn, "NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"), "value": of(g.drawn, "18", "30.5", "x", "0")}
	case 1:
		return object{"contextName": "version", "operator": of(g.drawn, "SEMVER_EQ", "SEMVER_GT", "SEMVER_LT"), "value": of(g.drawn, "2.0.0", "1.2", "2.0.0-rc.1", "v2.0.0")}
	case 2:
		return object{"contextName": of(g.drawn, "currentTime", "born"), "operator": of(g.drawn, "DATE_AFTER", "DATE_BEFORE"), "value": of(g.drawn, "2000-01-01T00:00:00Z", "2100-01-01T02:00:00.000+02:00", "soon")}
	case 3:
		return object{"contextName": of(g.drawn, "mail", "missing"), "operator": of(g.drawn, "STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH"), "values": some(g.drawn, 2, "@A.org", "x", "beta", ""), "caseInsensitive": g.one(2)}
	case 4:
		return object{"contextName": "userId", "operator": of(g.drawn, "IN", "NOT_IN", "STR_ENDS_WITH"), "values": some(g.drawn, 3, "u1", "u2", "7", "")}
	case 5:
		return object{"contextName": "age", "operator": of(g.drawn, "IN", "NOT_IN"), "values": some(g.drawn, 3, "18", "030", "17", "x")}
	default:
		return object{"contextName": of(g.drawn, "plan", "country"), "operator": of(g.drawn, "IN", "NOT_IN"), "values": some(g.drawn, 3, "pro", "DE", "", "true")}
	}
}

// context is the same context on both sides: there all is text, here numbers are numbers.
func (g *unleashGenerator) context() (flags.Subject, unleashcontext.Context) {
	properties := map[string]string{
		"company": fmt.Sprint("c", g.IntN(20)), "age": of(g.drawn, "17", "18", "30.5", "31", "x"), "version": of(g.drawn, "1.9.9", "2.0.0", "2.0", "v2.0.0", "2.0.0-rc.1", "2.0.0-rc.2"),
		"born": of(g.drawn, "1999-12-31T23:59:59Z", "2000-01-01T00:00:00Z", "2000-06-01T00:00:00+02:00", "2000-01-01", "soon", "2200-01-01T00:00:00Z"),
		"mail": of(g.drawn, "x@a.org", "beta@b.org", "X"), "plan": of(g.drawn, "pro", "free", "true"), "country": of(g.drawn, "DE", "FR"),
	}
	for name := range properties {
		if name != "company" && g.one(4) { // variants are sticky to it, and to nothing without it
			delete(properties, name)
		}
	}
	theirs := unleashcontext.Context{SessionId: fmt.Sprint("s", g.IntN(500)), RemoteAddress: of(g.drawn, "10.1.2.3", "192.168.1.7", "127.0.0.1", "2001:db8::7", "nowhere"), Properties: properties}
	who := flags.Subject{At: time.Now().Unix(), Attributes: object{"sessionId": theirs.SessionId, "remoteAddress": theirs.RemoteAddress}}
	if !g.one(5) {
		theirs.UserId = ids(g.IntN(500))
		if g.one(4) {
			theirs.UserId = of(g.drawn, "u1", "u2", "zoë")
		}
		who.Key = theirs.UserId
	}
	for name, text := range properties {
		who.Attributes[name] = text
		if n, err := strconv.ParseFloat(text, 64); err == nil && name == "age" {
			who.Attributes[name] = n
		}
	}
	return who, theirs
}
