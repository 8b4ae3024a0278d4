package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// send makes a request with the key. An answer that is no success is a *refusedError.
func (p *Provider) send(request *http.Request) (*http.Response, error) {
	request.Header.Set("Authorization", "Bearer "+p.config.Key)
	request.Header.Set("User-Agent", "assay-provider-go")
	response, err := p.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the assay server cannot be reached: %w", err)
	}
	if response.StatusCode < 300 || response.StatusCode == http.StatusNotModified {
		return response, nil
	}
	defer response.Body.Close() //nolint:errcheck // the body was read; closing it cannot take anything back
	refused := &refusedError{status: response.StatusCode, detail: response.Status}
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&problem) == nil && problem.Detail != "" {
		refused.detail = problem.Detail
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		refused.wait = min(time.Duration(seconds)*time.Second, 10*time.Minute)
	}
	return nil, refused
}

// refusedError is an answer other than the one asked for.
type refusedError struct {
	status int
	detail string
	wait   time.Duration // as the server asks; 0 for not
}

// Error says what the server said.
func (e *refusedError) Error() string {
	return fmt.Sprintf("the assay server answered %d: %s", e.status, e.detail)
}

func (e *refusedError) ofKey() bool {
	return e.status == http.StatusUnauthorized || e.status == http.StatusForbidden
}

// refusalOf is the refusal in err, nil for none.
func refusalOf(err error) *refusedError {
	refused, _ := errors.AsType[*refusedError](err)
	return refused
}

// askedWait is how long the server asks to be left alone.
func askedWait(err error) time.Duration {
	if refused := refusalOf(err); refused != nil {
		return refused.wait
	}
	return 0
}
