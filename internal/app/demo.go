package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"
	"golang.org/x/sync/errgroup"

	"github.com/assayhq/assay/flags/provider"
	"github.com/assayhq/assay/internal/client"
)

// demo is a whole product in one process: a server on an empty folder, an experiment, visitors, a report.
type demo struct {
	streams  Streams
	duration time.Duration
	visitors int
	seed     uint64
	once     bool
}

const (
	demoProject    = "demo"
	demoFlag       = "free-shipping-banner"
	demoExperiment = "free-shipping"
)

func demoCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("demo", "", "Starts a server on an empty folder, creates an experiment, sends simulated visitors through the OpenFeature provider,\nshows the report and keeps serving until it is interrupted. All its data are simulated.", s)
	d := demo{streams: s}
	c := Config{}
	f.StringVar(&c.Data, "data", "", "empty `folder` for the data; a temporary one, removed at the end, when left out")
	f.StringVar(&c.Listen, "listen", "127.0.0.1:0", "`address` to listen on; port 0 is any free one")
	f.DurationVar(&d.duration, "for", 4*time.Second, "how `long` visitors come")
	f.IntVar(&d.visitors, "visitors", 20_000, "how `many` visitors come")
	f.Uint64Var(&d.seed, "seed", 1, "`seed` of what the visitors do")
	f.BoolVar(&d.once, "once", false, "end after the report")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 || d.visitors < 100 || d.duration < time.Second {
		return wrong(s, f, "assay demo takes no arguments, at least 100 visitors and at least a second.")
	}
	if c.Log, err = logger(s.Err, "console", "warn"); err != nil {
		return err
	}
	if c.Data == "" {
		if c.Data, err = os.MkdirTemp("", "assay-demo-"); err != nil {
			return fmt.Errorf("making a temporary folder: %w", err)
		}
		defer os.RemoveAll(c.Data) //nolint:errcheck // a temporary folder that stays does no harm
	}
	return d.run(ctx, c)
}

// run serves, and plays the demo against the server, until ctx ends or, with --once, until the report is shown.
func (d demo) run(ctx context.Context, c Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	started := make(chan Running, 1)
	group.Go(func() error { return Serve(ctx, c, func(r Running) { started <- r }) })
	group.Go(func() error {
		var running Running
		select {
		case running = <-started:
		case <-ctx.Done():
			return nil
		}
		if running.AdminKey == "" {
			return errors.New("the demo needs an empty folder; this one has been used")
		}
		if err := d.play(ctx, running); err != nil {
			return err
		}
		if d.once {
			cancel()
			return nil
		}
		say(d.streams.Out, "\nServing until you press Ctrl-C.\n")
		return nil
	})
	return group.Wait()
}

// play does what a team would do with a new server.
func (d demo) play(ctx context.Context, running Running) error {
	say(d.streams.Out, "assay is ready at %s\nAdmin key of this demo: %s\n", running.URL, running.AdminKey)
	admin, err := client.New(running.URL, running.AdminKey, nil)
	if err != nil {
		return err
	}
	end := time.Now().Add(d.duration)
	key, err := prepare(ctx, admin, end)
	if err != nil {
		return fmt.Errorf("preparing the demo: %w", err)
	}
	say(d.streams.Out, "Experiment %s/%s runs. %d simulated visitors come through OpenFeature …\n", demoProject, demoExperiment, d.visitors)
	if err := d.visit(ctx, running.URL, key, end); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	head, err := running.Head(ctx)
	if err != nil {
		return err
	}
	// The planned end has passed: the last look is due. The server would take it in a moment by itself.
	reading := client.Request{
		Method: http.MethodPost, Path: "/api/v1/projects/" + demoProject + "/experiments/" + demoExperiment + "/readings",
		Query: url.Values{"min_position": {fmt.Sprint(head)}}, Body: map[string]string{"reason": "The demo is over."},
	}
	if _, err := admin.DoPatiently(ctx, reading, nil, 5); err != nil {
		return err
	}
	if head, err = running.Head(ctx); err != nil {
		return err
	}
	query := url.Values{"format": {"text"}, "min_position": {fmt.Sprint(head)}}
	answer, err := admin.DoPatiently(ctx, client.Request{Path: reportPath(demoProject, demoExperiment), Query: query}, nil, 5)
	if err != nil {
		return err
	}
	page := running.URL + reportPath(demoProject, demoExperiment)
	say(d.streams.Out, "\n%s\nThe report as a page: %s\nUser name: any. Password: the admin key above.\n", answer.Body, page)
	return nil
}

// step is one call of the public API.
type step struct {
	path  string
	match bool // it changes what exists
	patch bool
	body  map[string]any
}

// prepare creates project, flag, metrics and experiment, and returns a server key.
func prepare(ctx context.Context, admin *client.Client, end time.Time) (string, error) {
	const project = "/api/v1/projects/" + demoProject
	metric := func(key, name, kind, event, direction, unit string) step {
		return step{path: project + "/metrics", body: map[string]any{
			"key": key, "name": name, "kind": kind, "event": event, "direction": direction, "unit": unit, "window_seconds": 7 * 24 * 3600,
		}}
	}
	steps := []step{
		{path: "/api/v1/projects", body: map[string]any{
			"key": demoProject, "name": "Demo shop (simulated)", "environments": []map[string]string{{"key": "production", "name": "Production"}},
			"reason": "Simulated data for a demonstration.",
		}},
		{path: project + "/flags", body: map[string]any{"key": demoFlag, "type": "boolean", "name": "Free shipping banner"}},
		{path: project + "/flags/" + demoFlag + "/environments/production", match: true, patch: true, body: map[string]any{
			"on": true, "default": map[string]any{"variant": "off"},
			"rules":  []map[string]any{{"id": "staff", "description": "Staff always see it.", "if": []map[string]any{{"attribute": "staff", "operator": "equals", "values": []any{true}}}, "serve": map[string]any{"variant": "on"}}},
			"reason": "Ready for the experiment.",
		}},
		metric("conversion", "Checkout conversion", "binary", "purchase", "increase", ""),
		metric("revenue", "Revenue per visitor", "mean", "purchase", "increase", "EUR"),
		metric("support-contacts", "Support contacts", "count", "support_contact", "decrease", ""),
		{path: project + "/experiments", body: map[string]any{
			"key": demoExperiment, "name": "Free shipping banner (simulated visitors)",
			"hypothesis": "We believe that announcing free shipping to everybody will raise checkout conversion, because shipping cost is the reason most often named for leaving the basket. (Simulated data.)",
			"flag":       demoFlag, "environment": "production",
			"arms":    []map[string]any{{"variant": "off", "weight": 50_000}, {"variant": "on", "weight": 50_000}},
			"primary": "conversion", "secondary": []string{"revenue"}, "guardrails": []string{"support-contacts"}, "planned_end": end.UTC(),
		}},
		{path: project + "/experiments/" + demoExperiment + "/start", match: true, body: map[string]any{"reason": "The demo begins."}},
	}
	position := ""
	for _, st := range steps {
		r := client.Request{Method: http.MethodPost, Path: st.path, Body: st.body, Header: http.Header{}}
		if st.patch {
			r.Method = http.MethodPatch
		}
		if st.match {
			// What was just created may be a moment away from the read models; look for it first.
			r.Header.Set("If-Match", "*")
			if _, err := admin.DoPatiently(ctx, client.Request{Path: project, Query: url.Values{"min_position": {position}}}, nil, 3); err != nil {
				return "", err
			}
		} else if position != "" {
			if _, err := admin.DoPatiently(ctx, client.Request{Path: project, Query: url.Values{"min_position": {position}}}, nil, 3); err != nil {
				return "", err
			}
		}
		answer, err := admin.Do(ctx, r, nil)
		if err != nil {
			return "", err
		}
		position = answer.Header.Get("Assay-Position")
	}
	var created struct {
		Key string `json:"key"`
	}
	_, err := admin.Do(ctx, client.Request{
		Method: http.MethodPost, Path: project + "/keys", Body: map[string]any{"kind": "server", "environment": "production", "name": "demo visitors"},
	}, &created)
	return created.Key, err
}

// visit lets visitors come until end, through the real provider, and sends everything they did.
func (d demo) visit(ctx context.Context, server, key string, end time.Time) error {
	shop := provider.New(provider.Config{URL: server, Key: key, FlushInterval: 100 * time.Millisecond, QueueSize: 10 * d.visitors})
	features := isolated.NewAPI()
	if err := features.SetProviderAndWait(ctx, shop); err != nil {
		return fmt.Errorf("starting the OpenFeature provider: %w", err)
	}
	visitor := features.NewClient()
	bar := newProgress(d.streams, int64(d.visitors), "simulated visitors")
	random := rand.New(rand.NewPCG(d.seed, 0)) //nolint:gosec // a simulation must be repeatable
	began := time.Now()
	for i := range d.visitors {
		// The last visitor comes just after the planned end, so that the experiment has run its course.
		due := began.Add(time.Duration(float64(end.Sub(began)) * float64(i+1) / float64(d.visitors-1)))
		if err := sleepUntil(ctx, due); err != nil {
			return err
		}
		d.shopping(ctx, visitor, random, i)
		bar.add(1)
	}
	bar.finish()
	flush, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := features.Shutdown(flush); err != nil {
		return err
	}
	if stats := shop.Stats(); stats.Dropped+stats.Rejected+int64(stats.Queued) > 0 {
		return fmt.Errorf("%d facts were dropped, %d rejected and %d not sent", stats.Dropped, stats.Rejected, stats.Queued)
	}
	return nil
}

// shopping is what one visitor does. The banner makes one in a hundred more buy.
func (d demo) shopping(ctx context.Context, c *openfeature.Client, random *rand.Rand, i int) {
	subject := openfeature.NewEvaluationContext(fmt.Sprintf("visitor-%d-%d", d.seed, i), map[string]any{"staff": false})
	chance := 0.10
	if c.Boolean(ctx, demoFlag, false, subject) {
		chance = 0.12
	}
	if random.Float64() < chance {
		basket := 15 + random.ExpFloat64()*30
		c.Track(ctx, "purchase", subject, openfeature.NewTrackingEventDetails(float64(int(basket*100))/100).Add("simulated", true))
	}
	if random.Float64() < 0.02 {
		c.Track(ctx, "support_contact", subject, openfeature.NewTrackingEventDetails(1).Add("simulated", true))
	}
}

func sleepUntil(ctx context.Context, due time.Time) error {
	wait := time.Until(due)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
