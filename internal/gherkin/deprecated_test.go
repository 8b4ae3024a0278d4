package gherkin

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/cucumber/godog"
	"github.com/open-feature/go-sdk/openfeature"
)

// registerDeprecated binds the words of evaluation.feature, the suite before evaluation_v2.feature.
func (w *world) registerDeprecated(sc *godog.ScenarioContext) {
	const text, number = `"([^"]*)"`, `([0-9.]+)`
	for kind, value := range map[string]string{"boolean": text, "string": text, "integer": number, "float": number} {
		sc.Step(`^an? `+kind+` flag with key "([^"]*)" is evaluated with (?:details and )?default value `+value+`$`, func(key, fallback string) error {
			return w.evaluateAs(kind, key, fallback)
		})
		sc.Step(`^the resolved `+kind+` value should be `+value+`$`, w.valueIs)
		sc.Step(`^the resolved `+kind+` details value should be `+value+`, the variant should be "([^"]*)", and the reason should be "([^"]*)"$`,
			func(value, variant, reason string) error {
				return errors.Join(w.valueIs(value), same("variant", w.details.Variant, variant), same("reason", string(w.details.Reason), reason))
			})
	}
	sc.Step(`^an object flag with key "([^"]*)" is evaluated with (?:details and )?a null default value$`, func(key string) error {
		w.kind, w.key, w.fallback = "object", key, nil
		return w.evaluate()
	})
	sc.Step(`^the resolved object (?:details )?value should be contain fields "([^"]*)", "([^"]*)", and "([^"]*)", with values "([^"]*)", "([^"]*)" and (\d+), respectively$`, w.objectHas)
	sc.Step(`^the variant should be "([^"]*)", and the reason should be "([^"]*)"$`, func(variant, reason string) error {
		return errors.Join(same("variant", w.details.Variant, variant), same("reason", string(w.details.Reason), reason))
	})

	sc.Step(`^context contains keys "([^"]*)", "([^"]*)", "([^"]*)", "([^"]*)" with values "([^"]*)", "([^"]*)", (\d+), "([^"]*)"$`, w.fourKeys)
	sc.Step(`^a flag with key "([^"]*)" is evaluated with default value "([^"]*)"$`, func(key, fallback string) error {
		return w.evaluateAs("string", key, fallback)
	})
	sc.Step(`^the resolved string response should be "([^"]*)"$`, w.valueIs)
	sc.Step(`^the resolved flag value is "([^"]*)" when the context is empty$`, func(want string) error {
		w.invocation = openfeature.EvaluationContext{}
		return errors.Join(w.evaluate(), w.valueIs(want))
	})

	sc.Step(`^a non-existent string flag with key "([^"]*)" is evaluated with details and a fallback value "([^"]*)"$`, func(key, fallback string) error {
		return w.evaluateAs("string", key, fallback)
	})
	sc.Step(`^a string flag with key "([^"]*)" is evaluated as an integer, with details and a fallback value (\d+)$`, func(key, fallback string) error {
		return w.evaluateAs("integer", key, fallback)
	})
	sc.Step(`^the default (?:string|integer) value should be returned$`, func() error {
		if !reflect.DeepEqual(w.details.Value, w.fallback) {
			return fmt.Errorf("the value is %v, not the default %v", w.details.Value, w.fallback)
		}
		return nil
	})
	sc.Step(`^the reason should indicate an error and the error code should indicate a (?:missing flag|type mismatch) with "([^"]*)"$`, func(code string) error {
		return errors.Join(same("reason", w.details.Reason, openfeature.ErrorReason), same("error code", string(w.details.ErrorCode), code))
	})
}

func (w *world) evaluateAs(kind, key, fallback string) error {
	if err := w.aFlag(kind, key, fallback); err != nil {
		return err
	}
	return w.evaluate()
}

func (w *world) objectHas(key1, key2, key3, value1, value2 string, value3 int) error {
	object, is := w.details.Value.(map[string]any)
	if !is {
		return fmt.Errorf("the value is a %T", w.details.Value)
	}
	want, err := strconv.ParseBool(value1)
	if err == nil && (object[key1] != want || object[key2] != value2 || object[key3] != float64(value3)) {
		err = fmt.Errorf("the object is %v", object)
	}
	return err
}

func (w *world) fourKeys(key1, key2, key3, key4, value1, value2 string, value3 int, value4 string) error {
	truth, err := strconv.ParseBool(value4)
	for key, value := range map[string]any{key1: value1, key2: value2, key3: value3, key4: truth} {
		w.withInvocation(key, value)
	}
	return err
}
