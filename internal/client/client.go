// Package client is a thin HTTP client of assay's own REST API, for the subcommands that talk to a running server the
// way any other program would. It knows addresses, keys and problem documents, and nothing of what is asked.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds what an answer may weigh in memory.
const maxAnswer = 64 << 20

// Client calls one server with one key.
type Client struct {
	base *url.URL
	key  string
	http *http.Client
}

// New makes a client of the server at base, such as "http://127.0.0.1:8080". The http client may be nil.
func New(base, key string, httpClient *http.Client) (*Client, error) {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is no server address; write it like http://127.0.0.1:8080", base)
	}
	if key == "" {
		return nil, fmt.Errorf("an API key is missing; pass --key or set ASSAY_KEY")
	}
	if httpClient == nil {
		httpClient = &http.Client{Timeout: 2 * time.Minute}
	}
	return &Client{base: u, key: key, http: httpClient}, nil
}

// Problem is a refusal of the server in its own words.
type Problem struct { //nolint:errname // RFC 9457 calls it so
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Detail  string `json:"detail"`
	} `json:"errors"`
	// RetryAfter is how long the server asks to wait before the next try; 0 when it doesn't.
	RetryAfter time.Duration `json:"-"`
}

// Error is the sentence of the problem, and where in the request it lies.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	for _, e := range p.Errors {
		if e.Detail != "" && e.Detail != p.Detail {
			text += "; " + strings.TrimSpace(e.Pointer+" "+e.Detail)
		}
	}
	return fmt.Sprintf("%s (%d %s)", text, p.Status, p.Code)
}

// Request is one call.
type Request struct {
	Method string // GET when empty
	Path   string // below the server's address, with its leading slash, segments escaped
	Query  url.Values
	Header http.Header
	Body   any // marshalled as JSON unless it is []byte; nil for none
}

// Answer is what came back with a status below 300.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends the request and returns the answer, or a *Problem when the server refuses. With out it decodes the answer.
func (c *Client) Do(ctx context.Context, r Request, out any) (Answer, error) {
	request, err := c.build(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, fmt.Errorf("no answer from %s: %w", c.base, err)
	}
	defer response.Body.Close() //nolint:errcheck // the body was read; closing it cannot take anything back
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("the answer from %s broke off: %w", c.base, err)
	}
	if response.StatusCode >= 300 {
		return Answer{}, problem(response, body)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			return Answer{}, fmt.Errorf("%s answered %s %s with something else than expected: %w", c.base, request.Method, r.Path, err)
		}
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// Download sends the request and copies the answer to out as it comes. An answer that breaks off is an error.
func (c *Client) Download(ctx context.Context, r Request, out io.Writer) error {
	request, err := c.build(ctx, r)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("no answer from %s: %w", c.base, err)
	}
	defer response.Body.Close() //nolint:errcheck // the body was read; closing it cannot take anything back
	if response.StatusCode >= 300 {
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		if err != nil {
			return fmt.Errorf("the answer from %s broke off: %w", c.base, err)
		}
		return problem(response, body)
	}
	if _, err := io.Copy(out, response.Body); err != nil {
		return fmt.Errorf("the answer from %s broke off: %w", c.base, err)
	}
	return nil
}

func (c *Client) build(ctx context.Context, r Request) (*http.Request, error) {
	target := c.base.String() + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	var body io.Reader
	switch b := r.Body.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("building the request: %w", err)
	}
	maps.Copy(request.Header, r.Header)
	request.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// DoPatiently is Do, but tries again when the server is away, too busy or asks to wait, up to tries times in all. Only for
// requests that may be sent twice.
func (c *Client) DoPatiently(ctx context.Context, r Request, out any, tries int) (Answer, error) {
	wait := 100 * time.Millisecond
	for {
		answer, err := c.Do(ctx, r, out)
		tries--
		if err == nil || tries <= 0 || ctx.Err() != nil || !worthAnotherTry(err) {
			return answer, err
		}
		pause := wait/2 + rand.N(wait)                           //nolint:gosec // jitter protects the server, not a secret
		if p, ok := err.(*Problem); ok && p.RetryAfter > pause { //nolint:errorlint // Do returns it unwrapped
			pause = p.RetryAfter
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return answer, ctx.Err()
		case <-timer.C:
		}
		wait = min(2*wait, 5*time.Second)
	}
}

func worthAnotherTry(err error) bool {
	p, ok := err.(*Problem) //nolint:errorlint // Do returns it unwrapped
	if !ok {
		return true
	}
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func problem(response *http.Response, body []byte) *Problem {
	p := &Problem{}
	if json.Unmarshal(body, p) != nil || (p.Detail == "" && p.Title == "") {
		p = &Problem{Detail: clip(strings.TrimSpace(string(body)), 200)}
	}
	p.Status = response.StatusCode
	if p.Detail == "" && p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return p
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
