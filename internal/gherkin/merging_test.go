package gherkin

import (
	"fmt"

	"github.com/cucumber/godog"
	"github.com/open-feature/go-sdk/openfeature"
)

// registerMerging binds the words of contextMerging.feature.
func (w *world) registerMerging(sc *godog.ScenarioContext) {
	sc.Step(`^a stable provider with retrievable context is registered$`, func() error { return w.aProvider("stable") })
	sc.Step(`^A context entry with key "([^"]*)" and value "([^"]*)" is added to the "([^"]*)" level$`, w.add)
	sc.Step(`^A table with levels of increasing precedence$`, func(table *godog.Table) {
		for _, row := range table.Rows {
			w.levels = append(w.levels, row.Cells[0].Value)
		}
	})
	sc.Step(`^Context entries for each level from API level down to the "([^"]*)" level, with key "([^"]*)" and value "([^"]*)"$`, w.addDownTo)
	sc.Step(`^Some flag was evaluated$`, func() error {
		w.kind, w.key, w.fallback = "boolean", "boolean-flag", false
		return w.evaluate()
	})
	sc.Step(`^The merged context contains an entry with key "([^"]*)" and value "([^"]*)"$`, func(key, want string) error {
		w.seen.mu.Lock()
		defer w.seen.mu.Unlock()
		if got := w.seen.last[key]; got != want {
			return fmt.Errorf("%s is %v, not %s", key, got, want)
		}
		return nil
	})
}

// add puts an entry into the context of a level, beside what is there.
func (w *world) add(key, value, level string) error {
	switch level {
	case "API":
		w.api.SetEvaluationContext(openfeature.NewTargetlessEvaluationContext(map[string]any{key: value}))
	case "Transaction":
		w.ctx = openfeature.MergeTransactionContext(w.ctx, openfeature.NewTargetlessEvaluationContext(map[string]any{key: value}))
	case "Client":
		w.client.SetEvaluationContext(with(w.client.EvaluationContext(), key, value))
	case "Invocation":
		w.withInvocation(key, value)
	case "Before Hooks":
		hook := newRecorder("adding", nil)
		adds := openfeature.NewTargetlessEvaluationContext(map[string]any{key: value})
		hook.adds = &adds
		w.client.AddHooks(hook)
	default:
		return fmt.Errorf("nobody has said what the level %s is", level)
	}
	return nil
}

func (w *world) addDownTo(last, key, value string) error {
	for _, level := range w.levels {
		text := level
		if level == last {
			text = value
		}
		if err := w.add(key, text, level); err != nil {
			return err
		}
		if level == last {
			return nil
		}
	}
	return fmt.Errorf("there is no level %s in the table", last)
}
