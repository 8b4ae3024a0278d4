package openapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func TestTheDocumentIsValidAndSaysWhatItPromises(t *testing.T) {
	d := document(t)
	if err := d.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	if d.OpenAPI != "3.1.0" {
		t.Errorf("the document is OpenAPI %s", d.OpenAPI)
	}
	seen := map[string]bool{}
	for path, item := range d.Paths.Map() {
		for method, operation := range item.Operations() {
			id := operation.OperationID
			if id == "" || seen[id] || operation.Summary == "" || len(operation.Tags) != 1 {
				t.Errorf("%s %s lacks an operationId of its own, a summary or its one tag", method, path)
			}
			seen[id] = true
			if operation.Responses.Default() == nil {
				t.Errorf("%s does not say how it refuses", id)
			}
			if operation.RequestBody == nil {
				continue
			}
			content := operation.RequestBody.Value.Content["application/json"]
			if content == nil || content.Example == nil {
				t.Errorf("%s has a body without an example", id)
				continue
			}
			// Facts and evaluations are judged by their handlers, which tolerate what clients of many languages send.
			if !strings.HasPrefix(id, "record") && !strings.HasPrefix(id, "evaluate") && id != "explainFlag" {
				closed(t, id, content.Schema.Value, map[*openapi3.Schema]bool{})
			}
		}
	}
}

// closed fails the test when an object of a request may have fields that the document does not name.
func closed(t *testing.T, where string, s *openapi3.Schema, seen map[*openapi3.Schema]bool) {
	t.Helper()
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	free := s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil || s.AdditionalProperties.Has != nil && *s.AdditionalProperties.Has
	if s.Type.Is("object") && free {
		t.Errorf("%s takes unknown fields", where)
	}
	for name, property := range s.Properties {
		closed(t, where+"/"+name, property.Value, seen)
	}
	if s.Items != nil {
		closed(t, where+"/*", s.Items.Value, seen)
	}
}

func TestEveryExampleOfTheDocumentWorks(t *testing.T) {
	w := newWorld(t)
	d := document(t)
	examples := map[string]call{}
	values := strings.NewReplacer("{project}", "shop", "{flag}", "free-shipping", "{environment}", "production", "{metric}", "revenue", "{experiment}", "free-shipping",
		"{segment}", "paying", "{layer}", "checkout", "{holdout}", "year")
	for path, item := range d.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody == nil {
				continue
			}
			body, err := json.Marshal(operation.RequestBody.Value.Content["application/json"].Example)
			if err != nil {
				t.Fatal(err)
			}
			path := values.Replace(path)
			if strings.HasPrefix(path, "/ofrep/") || operation.Tags[0] == "facts" || operation.OperationID == "recordFeedback" {
				path += "?project=shop&environment=production"
			}
			examples[operation.OperationID] = call{method: method, path: path, body: string(body)}
		}
	}
	for id := range strings.FieldsSeq(`createProject changeProject createEnvironment createInstallationKey createKey createFlag changeFlag changeFlagEnvironment
		archiveFlag restoreFlag explainFlag createSegment changeSegment changeSegmentIDs archiveSegment restoreSegment createLayer changeLayer archiveLayer
		restoreLayer createHoldout changeHoldout archiveHoldout restoreHoldout createMetric changeMetric archiveMetric restoreMetric designExperiment createExperiment changeExperiment startExperiment
		recordExposures recordMeasurements recordFeedback eraseSubject takeReading evaluateAll evaluateFlag changeWeights stopExperiment decideExperiment`) {
		if id == "createExperiment" {
			w.must("POST", shop+"/metrics", `{"key":"conversion","kind":"binary","event":"purchase","direction":"increase"}`)
			w.must("POST", shop+"/metrics", `{"key":"refunds","kind":"count","event":"refund","direction":"decrease"}`)
		}
		if id == "takeReading" {
			w.must("POST", "/api/v1/exposures?project=shop&environment=production",
				`{"items":[{"event_id":"e-2","experiment_key":"free-shipping","variant":"off","unit_id":"user-2","occurred_at":"2026-11-24T10:00:00Z"}]}`)
			w.catchUp()
		}
		c, ok := examples[id]
		if id == "changeWeights" { // only a plan with a bandit has weights that change
			w.must("POST", shop+"/flags", `{"key":"banner","type":"boolean"}`)
			w.must("POST", shop+"/experiments", banditBody)
			w.must("POST", shop+"/experiments/tint/start", "")
			c.path = strings.Replace(c.path, "free-shipping", "tint", 1)
		}
		if !ok {
			t.Fatalf("%s has no example", id)
		}
		delete(examples, id)
		answer := w.do(c)
		if answer.Code >= 300 || strings.Contains(answer.Body.String(), `"rejected":1`) {
			t.Errorf("the example of %s gets %d %s", id, answer.Code, answer.Body)
		}
	}
	for id := range examples {
		t.Errorf("the example of %s was not tried", id)
	}
}
