package gherkin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"
	"github.com/open-feature/go-sdk/openfeature"
)

// register binds the words of the scenarios to the world.
func (w *world) register(sc *godog.ScenarioContext) {
	sc.Before(func(ctx context.Context, _ *godog.Scenario) (context.Context, error) { w.start(ctx); return ctx, nil })
	sc.After(func(ctx context.Context, _ *godog.Scenario, _ error) (context.Context, error) { return ctx, w.end() })

	sc.Step(`^an? (stable|not ready|error|fatal|stale) provider$`, w.aProvider)
	sc.Step(`^a ([A-Za-z]+)-flag with key "([^"]*)" and a fallback value "((?:\\"|[^"])*)"$`, w.aFlag)
	sc.Step(`^a context containing a key "([^"]*)", with type "([^"]*)" and with value "([^"]*)"$`, w.aContextValue)
	sc.Step(`^a context containing a key "([^"]*)" with null value$`, func(key string) { w.withInvocation(key, nil) })
	sc.Step(`^the flag was evaluated with details$`, w.evaluate)
	sc.Step(`^the flag was evaluated with details using the evaluation options$`, w.evaluate)
	sc.Step(`^the flag was evaluated with details asynchronously$`, w.evaluateAside)
	sc.Step(`^the evaluation should complete without blocking$`, w.tookNoTime)
	sc.Step(`^the resolved details value should be "((?:\\"|[^"])*)"$`, w.valueIs)
	sc.Step(`^the reason should be "([^"]*)"$`, func(want string) error { return same("reason", string(w.details.Reason), want) })
	sc.Step(`^the variant should be "([^"]*)"$`, func(want string) error { return same("variant", w.details.Variant, want) })
	sc.Step(`^the flag key should be "([^"]*)"$`, func(want string) error { return same("flag key", w.details.FlagKey, want) })
	sc.Step(`^the error-code should be "([^"]*)"$`, func(want string) error { return same("error code", string(w.details.ErrorCode), want) })
	sc.Step(`^the provider status should be "([^"]*)"$`, func(want string) error { return same("status", string(w.client.State()), want) })
	sc.Step(`^the resolved metadata should contain$`, w.metadataContains)
	sc.Step(`^the resolved metadata is empty$`, func() error { return same("metadata", len(w.details.FlagMetadata), 0) })

	sc.Step(`^evaluation options containing specific hooks$`, w.hooksByOption)
	sc.Step(`^the specified hooks should execute during evaluation$`, w.hooksRan)
	sc.Step(`^the hook order should be maintained$`, w.hooksRanInOrder)
	sc.Step(`^an evaluation context with modifiable data$`, w.aContextToSpoil)
	sc.Step(`^the original evaluation context should remain unmodified$`, w.contextUnspoilt)
	sc.Step(`^the evaluation details should be immutable$`, w.detailsUnspoilt)

	sc.Step(`^a client with added hook$`, w.aHook)
	sc.Step(`^the "([a-z]+)" hook should have been executed$`, w.hookRan)
	sc.Step(`^the "([a-z, ]+)" hooks should be called with evaluation details$`, w.hooksGot)

	w.registerMerging(sc)
	w.registerDeprecated(sc)
}

func same[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("the %s is %v, not %v", what, got, want)
	}
	return nil
}

// aProvider brings the provider into the state by what brings it there in life.
func (w *world) aProvider(state string) error {
	switch state {
	case "stable":
		return w.api.SetProviderAndWait(w.ctx, w.provider("good"))
	case "not ready": // the server takes its time
		w.server.mu.Lock()
		w.server.hang = make(chan struct{})
		w.server.mu.Unlock()
		if err := w.api.SetProvider(w.ctx, w.provider("good")); err != nil {
			return err
		}
		return w.until(openfeature.NotReadyState)
	case "error": // it is away
		w.server.die()
		if err := w.api.SetProviderAndWait(w.ctx, w.provider("good")); err == nil {
			return fmt.Errorf("the provider started without a server")
		}
		return w.until(openfeature.ErrorState)
	case "fatal": // it refuses the key
		if err := w.api.SetProviderAndWait(w.ctx, w.provider("bad")); err == nil {
			return fmt.Errorf("the provider started with a bad key")
		}
		return w.until(openfeature.FatalState)
	default: // it was there and went away
		if err := w.api.SetProviderAndWait(w.ctx, w.provider("good")); err != nil {
			return err
		}
		w.server.die()
		return w.until(openfeature.StaleState)
	}
}

func (w *world) aFlag(kind, key, fallback string) (err error) {
	w.kind, w.key = strings.ToLower(kind), key
	w.fallback, err = parse(w.kind, fallback)
	return err
}

// parse reads a value of a scenario.
func parse(kind, text string) (any, error) {
	text = strings.ReplaceAll(text, `\"`, `"`)
	switch kind {
	case "boolean":
		return strconv.ParseBool(text)
	case "integer":
		return strconv.ParseInt(text, 10, 64)
	case "float":
		return strconv.ParseFloat(text, 64)
	case "object":
		var object map[string]any
		err := json.Unmarshal([]byte(text), &object)
		return object, err
	case "string":
		return text, nil
	}
	return nil, fmt.Errorf("nobody has said what a %s is", kind)
}

func (w *world) aContextValue(key, kind, text string) error {
	value, err := parse(strings.ToLower(kind), text)
	if err != nil {
		return err
	}
	w.withInvocation(key, value)
	return nil
}

func (w *world) withInvocation(key string, value any) { w.invocation = with(w.invocation, key, value) }

func with(c openfeature.EvaluationContext, key string, value any) openfeature.EvaluationContext {
	attributes := c.Attributes()
	attributes[key] = value
	return openfeature.NewEvaluationContext(c.TargetingKey(), attributes)
}

func (w *world) evaluate() error {
	w.details, w.failed = ask(w, w.kind, w.fallback)
	return nil
}

// ask evaluates the flag as the kind.
func ask(w *world, kind string, fallback any) (openfeature.InterfaceEvaluationDetails, error) {
	c, ctx := w.client, w.ctx
	switch v := fallback.(type) {
	case bool:
		d, err := c.BooleanValueDetails(ctx, w.key, v, w.invocation, w.options...)
		return openfeature.InterfaceEvaluationDetails{Value: d.Value, EvaluationDetails: d.EvaluationDetails}, err
	case string:
		d, err := c.StringValueDetails(ctx, w.key, v, w.invocation, w.options...)
		return openfeature.InterfaceEvaluationDetails{Value: d.Value, EvaluationDetails: d.EvaluationDetails}, err
	case int64:
		d, err := c.IntValueDetails(ctx, w.key, v, w.invocation, w.options...)
		return openfeature.InterfaceEvaluationDetails{Value: d.Value, EvaluationDetails: d.EvaluationDetails}, err
	case float64:
		d, err := c.FloatValueDetails(ctx, w.key, v, w.invocation, w.options...)
		return openfeature.InterfaceEvaluationDetails{Value: d.Value, EvaluationDetails: d.EvaluationDetails}, err
	default:
		if kind != "object" {
			return openfeature.InterfaceEvaluationDetails{}, fmt.Errorf("a %s with a default of type %T", kind, fallback)
		}
		return c.ObjectValueDetails(ctx, w.key, fallback, w.invocation, w.options...)
	}
}

func (w *world) evaluateAside() error {
	began := time.Now()
	done := make(chan struct{})
	go func() { defer close(done); _ = w.evaluate() }()
	<-done
	w.took = time.Since(began)
	return nil
}

func (w *world) tookNoTime() error {
	if w.took > time.Second {
		return fmt.Errorf("it took %v", w.took)
	}
	return nil
}

func (w *world) valueIs(text string) error {
	want, err := parse(w.kind, text)
	if err == nil && !reflect.DeepEqual(w.details.Value, want) {
		err = fmt.Errorf("the value is %v (%T), not %v", w.details.Value, w.details.Value, want)
	}
	return err
}

func (w *world) metadataContains(table *godog.Table) error {
	for _, row := range table.Rows[1:] {
		key, kind, text := row.Cells[0].Value, strings.ToLower(row.Cells[1].Value), row.Cells[2].Value
		want, err := parse(kind, text)
		if err != nil {
			return err
		}
		if got := w.details.FlagMetadata[key]; fmt.Sprintf("%T %v", got, got) != fmt.Sprintf("%T %v", want, want) {
			return fmt.Errorf("the metadata %s is %v (%T), not %v", key, got, got, want)
		}
	}
	return nil
}

func newRecorder(name string, order *[]string) *recorder {
	return &recorder{name: name, order: order, details: map[string]openfeature.InterfaceEvaluationDetails{}}
}

func (w *world) hooksByOption() {
	w.order = &[]string{}
	w.more = []*recorder{newRecorder("first", w.order), newRecorder("second", w.order)}
	w.options = append(w.options, openfeature.WithHooks(w.more[0], w.more[1]))
}

func (w *world) hooksRan() error {
	for _, h := range w.more {
		if want := []string{"before", "after", "finally"}; !slices.Equal(h.stages, want) {
			return fmt.Errorf("the %s hook was called for %v, not %v", h.name, h.stages, want)
		}
	}
	return nil
}

// hooksRanInOrder holds them to requirement 4.4.2: before in the order given, everything else in the opposite order.
func (w *world) hooksRanInOrder() error {
	want := []string{"first before", "second before", "second after", "first after", "second finally", "first finally"}
	if !slices.Equal(*w.order, want) {
		return fmt.Errorf("the order is %v, not %v", *w.order, want)
	}
	return nil
}

func (w *world) aContextToSpoil() {
	w.original = map[string]any{"email": "ballmer@macrosoft.com", "age": 30, "tags": []string{"a"}}
	w.invocation = openfeature.NewEvaluationContext("user", maps.Clone(w.original))
}

func (w *world) contextUnspoilt() error {
	if got := w.invocation.Attributes(); !reflect.DeepEqual(got, w.original) {
		return fmt.Errorf("the context is %v, was %v", got, w.original)
	}
	return nil
}

// detailsUnspoilt spoils what an evaluation gave, and evaluates again.
func (w *world) detailsUnspoilt() error {
	if w.details.FlagMetadata != nil {
		w.details.FlagMetadata["spoilt"] = true
	}
	if object, is := w.details.Value.(map[string]any); is {
		object["spoilt"] = true
	}
	again, err := ask(w, w.kind, w.fallback)
	if _, spoilt := again.FlagMetadata["spoilt"]; spoilt {
		err = fmt.Errorf("the metadata is shared")
	}
	if object, is := again.Value.(map[string]any); is && object["spoilt"] != nil {
		err = fmt.Errorf("the value is shared")
	}
	return err
}

func (w *world) aHook() {
	w.hook = newRecorder("the", nil)
	w.client.AddHooks(w.hook)
}

func (w *world) hookRan(stage string) error {
	if !slices.Contains(w.hook.stages, stage) {
		return fmt.Errorf("the hook was called for %v, not for %s", w.hook.stages, stage)
	}
	return nil
}

func (w *world) hooksGot(stages string, table *godog.Table) error {
	for stage := range strings.SplitSeq(stages, ", ") {
		d, called := w.hook.details[stage]
		if !called {
			return fmt.Errorf("the hook was not called for %s", stage)
		}
		got := map[string]string{
			"flag_key": d.FlagKey, "value": fmt.Sprint(d.Value), "variant": orNull(d.Variant), "reason": string(d.Reason), "error_code": orNull(string(d.ErrorCode)),
		}
		for _, row := range table.Rows[1:] {
			if name, want := row.Cells[1].Value, row.Cells[2].Value; got[name] != want {
				return fmt.Errorf("%s of the %s hook is %s, not %s", name, stage, got[name], want)
			}
		}
	}
	return nil
}

func orNull(text string) string {
	if text == "" {
		return "null"
	}
	return text
}
