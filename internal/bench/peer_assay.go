package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/assayhq/assay/flags"
	"github.com/assayhq/assay/flags/provider"
)

// assay: our engine natively, and our provider behind the SDK. Like everybody's here, its reporting is off: no flag is under
// an experiment.

// assayFlag is the flag as our server would hand it out. Splits are in 1/100,000, as the server makes them.
func assayFlag(f Flag) flags.Flag {
	out := flags.Flag{
		Key: f.Key, Type: flags.Boolean, Revision: 1, On: true, Off: "off", Default: flags.Serve{Variant: "off"},
		Variants: []flags.Variant{{Key: "on", Value: json.RawMessage("true")}, {Key: "off", Value: json.RawMessage("false")}},
	}
	share := func(percent int) flags.Serve {
		if percent == 100 {
			return flags.Serve{Variant: "on"}
		}
		on := uint32(percent) * 1_000
		return flags.Serve{Split: &flags.Split{
			Algorithm: flags.BucketingV1, Salt: f.Key, Total: 100_000,
			Weights: []flags.Weight{{Variant: "on", Weight: on}, {Variant: "off", Weight: 100_000 - on}},
		}}
	}
	switch f.Kind {
	case Const:
		out.Default.Variant = "on"
	case Split:
		out.Default = share(f.Percent)
	case Segment:
		out.Rules = []flags.Rule{{ID: "members", Serve: share(100), If: []flags.Condition{
			{Segments: []string{f.Segment}},
		}}}
	case Rules:
		for i, r := range f.Rules {
			out.Rules = append(out.Rules, flags.Rule{ID: fmt.Sprint("rule-", i), Serve: share(r.Percent), If: []flags.Condition{
				{Attribute: "country", Operator: flags.In, Values: values(r.Countries...)},
				{Attribute: "plan", Operator: flags.Equals, Values: values(r.Plan)},
				{Attribute: "age", Operator: flags.Greater, Values: values(r.AgeOver)},
			}})
		}
	}
	return out
}

func values[T any](of ...T) []json.RawMessage {
	out := make([]json.RawMessage, len(of))
	for i, v := range of {
		out[i] = json.RawMessage(mustJSON(v))
	}
	return out
}

func assaySnapshot(d Dataset) flags.Snapshot {
	out := flags.Snapshot{Format: flags.Format, Project: "bench", Environment: "production", Revision: 1}
	for key, members := range d.Segments {
		out.Segments = append(out.Segments, flags.Segment{Key: key, Revision: 1, Included: flags.NewIDs(members...)})
	}
	for _, f := range d.Flags {
		out.Flags = append(out.Flags, assayFlag(f))
	}
	return out
}

func assaySubject(u *User) flags.Subject {
	return flags.Subject{Key: u.Key, Attributes: map[string]any{
		"country": u.Country, "plan": u.Plan, "email": u.Email, "version": u.Version, "age": u.Age,
	}}
}

type assayInst struct {
	rules    *flags.Ruleset
	subjects []flags.Subject
}

func (a *assayInst) Bool(flag string, u int) bool {
	on, _ := a.rules.Decide(flag, a.subjects[u]).Value.Bool()
	return on
}

// source is the app's user as our engine asks it: nothing has to be put together.
type source User

func (s *source) Attribute(name string) any {
	switch name {
	case "country":
		return s.Country
	case "plan":
		return s.Plan
	case "email":
		return s.Email
	case "version":
		return s.Version
	case "age":
		return s.Age
	}
	return nil
}

func (a *assayInst) Fresh(flag string, u *User) bool {
	on, _ := a.rules.Decide(flag, flags.Subject{Key: u.Key, Source: (*source)(u)}).Value.Bool()
	return on
}

func (a *assayInst) All(u int) int {
	n := 0
	for range a.rules.All(a.subjects[u]) {
		n++
	}
	return n
}

// assayServer answers the ruleset, and holds a stream of changes open on which nothing happens.
type assayServer []byte

func (s assayServer) RoundTrip(r *http.Request) (*http.Response, error) {
	out := &http.Response{StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{}}
	if r.URL.Path == "/api/v1/ruleset" {
		out.Header.Set("ETag", `"1"`)
		out.Body = io.NopCloser(bytes.NewReader(s))
		return out, nil
	}
	out.Header.Set("Content-Type", "text/event-stream")
	silence, end := io.Pipe()
	context.AfterFunc(r.Context(), func() { end.CloseWithError(r.Context().Err()) })
	out.Body = silence
	return out, nil
}

func assayPeers(add func(Peer)) {
	add(Peer{"assay", "this repository", "native", true, func(d Dataset) (Instance, error) {
		rules, err := flags.Compile(assaySnapshot(d))
		if err != nil {
			return nil, err
		}
		if problems := rules.Problems(); len(problems) > 0 {
			return nil, fmt.Errorf("%v", problems)
		}
		a := &assayInst{rules: rules}
		for i := range Users {
			a.subjects = append(a.subjects, assaySubject(&Users[i]))
		}
		return a, nil
	}})
	add(Peer{"assay", "this repository", "of", false, func(d Dataset) (Instance, error) {
		p := provider.New(provider.Config{
			URL: "http://127.0.0.1:1", Key: "bench", HTTPClient: &http.Client{Transport: assayServer(mustJSON(assaySnapshot(d)))},
		})
		return newOF("assay", openfeature.FeatureProvider(p), nil)
	}})
}
