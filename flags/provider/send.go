package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// flush sends what waits now. What could not be sent waits on, and the error says how much that is. What comes meanwhile waits
// for the next time, or a steady trickle would be sent in ever so many small batches.
func (r *reporter) flush(ctx context.Context) error {
	if err := r.sending.enter(ctx); err != nil {
		return r.unsent(err)
	}
	defer r.sending.leave()
	// Either must not wait for the other's trouble.
	err := flush(ctx, r, &r.exposures, "/api/v1/exposures", (*exposure).name)
	if err2 := flush(ctx, r, &r.measurements, "/api/v1/measurements", func(*measurement) {}); err == nil {
		err = err2
	}
	if err != nil {
		return r.unsent(err)
	}
	return nil
}

func (r *reporter) unsent(err error) error {
	return fmt.Errorf("%d facts could not be sent: %w", r.stats().Queued, err)
}

func flush[T any](ctx context.Context, r *reporter, q *queue[T], path string, prepare func(*T)) error {
	size := batchItems
	for waiting := q.len(); waiting > 0; {
		batch := q.head(min(waiting, size))
		for i := range batch {
			prepare(&batch[i])
		}
		err := r.post(ctx, path, batch)
		refused := refusalOf(err)
		switch {
		case err == nil:
		case refused != nil && refused.status == http.StatusRequestEntityTooLarge && len(batch) > 1:
			size = len(batch) / 2
			continue
		case refused != nil && refused.forEver():
			// The server will never take this batch; it must not stand in the way of the next.
			r.note(outcome{Rejected: int64(len(batch))}, refused.Error())
		default:
			return err
		}
		q.drop(len(batch))
		waiting -= len(batch)
	}
	return nil
}

// forEver reports whether the same batch would be refused again, whatever happens on the way and on the server.
func (e *refusedError) forEver() bool {
	switch e.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// outcome is the server's answer to a batch.
type outcome struct {
	Accepted   int64 `json:"accepted"`
	Duplicates int64 `json:"duplicates"`
	Rejected   int64 `json:"rejected"`
	Items      []struct {
		Status string `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"items"`
}

// post sends a batch. Sending it twice is harmless: every item has its event_id.
func (r *reporter) post(ctx context.Context, path string, items any) error {
	body, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return fmt.Errorf("encoding facts: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, r.provider.pace.request)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.provider.config.URL+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the URL of the assay server is wrong: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := r.provider.send(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // the body was read; closing it cannot take anything back
	var told outcome
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		return fmt.Errorf("the assay server answered something else than expected: %w", err)
	}
	refusal := ""
	for _, item := range told.Items {
		if item.Status == "rejected" {
			refusal = item.Code + ": " + item.Detail
		}
	}
	r.note(told, refusal)
	return nil
}

func (r *reporter) note(told outcome, refusal string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent += told.Accepted + told.Duplicates
	r.rejected += told.Rejected
	if refusal != "" {
		r.refusal = refusal
	}
}
