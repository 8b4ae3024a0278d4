package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/assayhq/assay/internal/client"
)

// projectionList and projectionItem are what the API answers.
type projectionList struct {
	Head  string           `json:"head"`
	Items []projectionItem `json:"items"`
}

type projectionItem struct {
	Name          string   `json:"name"`
	Version       int      `json:"version"`
	Status        string   `json:"status"`
	Position      string   `json:"position"`
	EventsBehind  *int     `json:"events_behind"`
	SecondsBehind *float64 `json:"seconds_behind"`
	Problems      []struct{ Stream, Position, Detail string }
	Rebuild       *struct {
		Running  bool
		Position string
		Done     int
		Failure  string
	}
}

func projectionsCommand(ctx context.Context, args []string, s Streams) error {
	f := flagSet("projections", "list | rebuild NAME", "Shows the read models of a server, or folds one anew from the whole log beside the one that serves. Needs an admin key of the installation.", s)
	var at serverFlags
	at.register(f, s)
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	c, err := at.client(s)
	if err != nil {
		return err
	}
	switch {
	case len(rest) == 1 && rest[0] == "list":
		list, err := listProjections(ctx, c)
		if err == nil {
			showProjections(s, list)
		}
		return err
	case len(rest) == 2 && rest[0] == "rebuild":
		return rebuildProjection(ctx, c, rest[1], s)
	}
	return wrong(s, f, "Say 'list', or 'rebuild' and the name of a read model.")
}

func listProjections(ctx context.Context, c *client.Client) (out projectionList, err error) {
	_, err = c.Do(ctx, client.Request{Path: "/api/v1/projections"}, &out)
	return out, err
}

func showProjections(s Streams, list projectionList) {
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	say(w, "NAME\tVERSION\tSTATUS\tPOSITION\tEVENTS BEHIND\tSECONDS BEHIND\tPROBLEMS\tREBUILDS\n")
	for _, p := range list.Items {
		events, seconds, rebuilds := "unknown", "unknown", "none"
		if p.EventsBehind != nil {
			events = fmt.Sprint(*p.EventsBehind)
		}
		if p.SecondsBehind != nil {
			seconds = fmt.Sprintf("%.1f", *p.SecondsBehind)
		}
		switch r := p.Rebuild; {
		case r == nil:
		case r.Running:
			rebuilds = "running, at " + r.Position
		case r.Failure != "":
			rebuilds = "failed: " + r.Failure
		default:
			rebuilds = fmt.Sprintf("%d done", r.Done)
		}
		say(w, "%s\t%d\t%s\t%s\t%s\t%s\t%d\t%s\n", p.Name, p.Version, p.Status, p.Position, events, seconds, len(p.Problems), rebuilds)
	}
	_ = w.Flush()
	say(s.Out, "The log's last event is at position %s.\n", list.Head)
	for _, p := range list.Items {
		for _, problem := range p.Problems {
			say(s.Out, "%s, %s: %s\n", p.Name, strings.TrimSpace("position "+problem.Position+" "+problem.Stream), problem.Detail)
		}
	}
}

// rebuildProjection asks for a rebuild and waits for its end.
func rebuildProjection(ctx context.Context, c *client.Client, name string, s Streams) error {
	path := "/api/v1/projections/" + url.PathEscape(name) + "/rebuild"
	if _, err := c.Do(ctx, client.Request{Method: http.MethodPost, Path: path}, nil); err != nil {
		return err
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		list, err := listProjections(ctx, c)
		if err != nil {
			return err
		}
		for _, p := range list.Items {
			switch {
			case p.Name != name || p.Rebuild == nil || p.Rebuild.Running:
			case p.Rebuild.Failure != "":
				return fmt.Errorf("the rebuild of %s was given up, what serves is as it was: %s", name, p.Rebuild.Failure)
			default:
				say(s.Out, "%s is rebuilt up to position %s and serves.\n", name, p.Position)
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
