package openapi

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/assayhq/assay/flags/ofrep"
	"github.com/assayhq/assay/openapi/auth"
	"github.com/assayhq/assay/projections/ruleset"
)

// maxQuickBody is how large a body may be that is answered without the whole machinery.
const maxQuickBody = 4 << 10

// quick answers the evaluation of one flag as SDKs ask for it, thousands of times a second, without routing, middleware and
// generated code. Whatever is not exactly that, or goes wrong, is left to next, which answers the same for what both can.
func (s *Server) quick(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key := quickKey(r); key == "" || !s.evaluateQuickly(w, r, key) {
			next.ServeHTTP(w, r)
		}
	})
}

// quickKey is the flag that a plain evaluation is about; empty for any other request.
func quickKey(r *http.Request) string {
	if r.Method != http.MethodPost || r.URL.RawPath != "" || r.URL.RawQuery != "" || r.ContentLength <= 0 || r.ContentLength > maxQuickBody {
		return ""
	}
	key, ok := strings.CutPrefix(r.URL.Path, "/ofrep/v1/evaluate/flags/")
	if !ok || strings.Contains(key, "/") || !strings.HasPrefix(r.Header.Get("Content-Type"), jsonType) {
		return ""
	}
	return key
}

// evaluateQuickly reports whether it has answered. When it has not, the request is as it was.
func (s *Server) evaluateQuickly(w http.ResponseWriter, r *http.Request, key string) bool {
	if s.EvaluationLimit.PerSecond > 0 || s.Log.GetLevel() <= zerolog.DebugLevel {
		return false
	}
	token, _ := auth.Token(r, false)
	who, known := s.keys.Authenticate(token)
	if !known || who.Environment == "" || auth.Judge("evaluateFlag", who, "") != auth.Allowed {
		return false
	}
	served, ok := s.Rulesets.Current(ruleset.Place{Project: who.Project, Environment: who.Environment})
	if !ok {
		return false
	}
	control := http.NewResponseController(w)
	body := make([]byte, r.ContentLength)
	// A deadline for every request would cost as much as all the rest: it is only set when the time is over.
	late := time.AfterFunc(s.ReadTimeout, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
	n, err := io.ReadFull(r.Body, body)
	if !late.Stop() {
		_ = control.SetReadDeadline(time.Time{}) // a writer without deadlines (in tests) is fine
	}
	request, plain := ofrep.PlainRequest(body[:n])
	if err != nil || !plain && (checkJSON(body) != nil || json.Unmarshal(body, &request) != nil || request == nil) {
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:n]), r.Body))
		return false
	}
	var raw [8]byte
	if _, err := s.Random.Read(raw[:]); err != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		return false
	}
	subject, answer := ofrep.ParseContext(request, key)
	status := http.StatusBadRequest
	if answer == nil {
		subject.At = s.Now().Unix()
		status, answer = ofrep.Evaluate(served.Ruleset, key, subject)
	}
	setQuickHeaders(w.Header(), hex.EncodeToString(raw[:]))
	w.WriteHeader(status)
	_, _ = w.Write(answer) //nolint:gosec // JSON, not HTML; nobody is left to tell when the caller is gone
	return true
}

// setQuickHeaders sets what identify, crossOrigin and the answer's own code set together. The values lie in one array, because
// one for each would cost more than to set them.
func setQuickHeaders(h http.Header, id string) {
	all := [...]string{id, "nosniff", "no-referrer", "no-store", "*", "ETag, Retry-After", jsonType}
	for i, name := range [...]string{
		requestIDHeader, "X-Content-Type-Options", "Referrer-Policy", "Cache-Control", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Content-Type",
	} {
		h[name] = all[i : i+1 : i+1]
	}
}
