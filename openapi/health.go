package openapi

import (
	"context"
	"fmt"

	"github.com/assayhq/assay/openapi/api"
	"github.com/assayhq/assay/projections"
)

// GetLive answers as long as the process does. It looks at nothing else.
func (s *Server) GetLive(context.Context, api.GetLiveRequestObject) (api.GetLiveResponseObject, error) {
	return api.GetLive200JSONResponse{Status: api.HealthStatusOk, Checks: []healthCheck{}}, nil
}

type healthCheck = struct {
	Detail   string                 `json:"detail,omitempty"`
	Name     string                 `json:"name"`
	Position string                 `json:"position,omitempty"`
	Status   api.HealthChecksStatus `json:"status"`
}

// GetReady answers 200 once every read model of the configuration has been at the head of the log: flags are decided, things can
// be read and changed. Facts that are still being read, and whatever fails later, make it degraded, because decisions and reads
// go on. So does trouble with the log itself, which refuses changes meanwhile.
func (s *Server) GetReady(context.Context, api.GetReadyRequestObject) (api.GetReadyResponseObject, error) {
	health := api.Health{Status: api.HealthStatusOk}
	starting := false
	for _, r := range s.Runners {
		check := healthCheck{Name: r.Projection().Name(), Status: api.HealthChecksStatusOk, Position: positionOf(r.Position())}
		caughtUp, err := r.CaughtUp()
		switch damage := s.damageOf(r); {
		case damage != nil:
			health.Status, check.Status = api.HealthStatusDegraded, api.HealthChecksStatusDegraded
			check.Detail = damage.Error()
		case !caughtUp && r.Projection() == projections.Projection(s.Facts):
			// Nothing but results needs the facts, and those wait for them.
			health.Status, check.Status = api.HealthStatusDegraded, api.HealthChecksStatusStarting
			check.Detail = "measurements are still being read after the start; results are answered after that"
		case !caughtUp:
			starting = true
			check.Status = api.HealthChecksStatusStarting
		case err != nil:
			health.Status, check.Status = api.HealthStatusDegraded, api.HealthChecksStatusDegraded
			check.Detail = "the read model is behind; the server's log says why"
		case len(s.problems(r)) > 0:
			health.Status, check.Status = api.HealthStatusDegraded, api.HealthChecksStatusDegraded
			check.Detail = fmt.Sprintf("%d parts of the log cannot be read by this version; what they are about stays as it was", len(s.problems(r)))
		}
		health.Checks = append(health.Checks, check)
	}
	log := s.logCheck()
	if log.Status == api.HealthChecksStatusDegraded {
		health.Status = api.HealthStatusDegraded
	}
	health.Checks = append(health.Checks, log)
	if starting {
		health.Status = api.HealthStatusStarting
		return api.GetReady503JSONResponse(health), nil
	}
	return api.GetReady200JSONResponse(health), nil
}

// damageOf is the damage that a read model has found in its state on disk. Only the facts have one.
func (s *Server) damageOf(r *projections.Runner) error {
	if r.Projection() != projections.Projection(s.Facts) {
		return nil
	}
	return s.Facts.Damage()
}

// logCheck says how the log is, without a word about where it is.
func (s *Server) logCheck() healthCheck {
	status := s.Store.Status()
	check := healthCheck{Name: "log", Status: api.HealthChecksStatusOk, Position: positionOf(status.Position)}
	if !status.healthy() {
		check.Status, check.Detail = api.HealthChecksStatusDegraded, status.public()
	}
	return check
}

// GetDocumentSource answers the OpenAPI document as it is written.
func (s *Server) GetDocumentSource(context.Context, api.GetDocumentSourceRequestObject) (api.GetDocumentSourceResponseObject, error) {
	return blob{contentType: "application/yaml", body: contract}, nil
}

// GetDocument answers the OpenAPI document itself.
func (s *Server) GetDocument(context.Context, api.GetDocumentRequestObject) (api.GetDocumentResponseObject, error) {
	return blob{contentType: jsonType, body: s.document}, nil
}
