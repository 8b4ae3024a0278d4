package openapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	maxBody      = 1 << 20
	maxFactsBody = 4 << 20
)

// readBody reads the body within its limit and looks over its JSON, so that everything behind it can trust the syntax.
func (g *guard) readBody(c echo.Context, op *operation) error {
	r := c.Request()
	if op.body == noBody {
		return nil
	}
	control := http.NewResponseController(c.Response())
	_ = control.SetReadDeadline(time.Now().Add(g.server.ReadTimeout)) // a writer without deadlines (in tests) is fine
	body, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, op.limit))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return refuse(http.StatusRequestTimeout, "body_too_slow", "the body took longer than %v; send less at once", g.server.ReadTimeout)
	}
	_ = control.SetReadDeadline(time.Time{})
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return refuse(http.StatusRequestEntityTooLarge, "body_too_large", "the body has more than %d bytes; send less at once", op.limit)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "body_broken", "the body broke off; send it again")
	}
	setBody(r, body)
	if len(bytes.TrimSpace(body)) == 0 {
		setBody(r, nil)
		if op.spec.RequestBody.Value.Required && op.body != lenientBody {
			return refuse(http.StatusBadRequest, "body_missing", "the request needs a JSON body; see /openapi.json")
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || op.spec.RequestBody.Value.Content[media] == nil {
		return refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "the body must be sent as Content-Type: application/json")
	}
	return look(c, op, body)
}

// look takes from a body what the handlers need and refuses what no handler should see.
func look(c echo.Context, op *operation, body []byte) error {
	r := c.Request()
	switch op.body {
	case itemByItem:
		items, err := splitItems(body)
		if err != nil {
			return err
		}
		setBody(r, nil) // the items travel beside the request; decoding them again would only cost time
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), itemsKey, items)))
		return nil
	case lenientBody:
		if bytes.TrimSpace(body)[0] != '{' && json.Valid(body) {
			return refuse(http.StatusBadRequest, "wrong_type", "the body must be a JSON object like {\"context\":{}}")
		}
	case bySchema:
		// A merge patch has the same schema as the plain JSON body beside it, and the generated code decodes only that.
		r.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
		if r.Header.Get("Idempotency-Key") != "" {
			sum := sha256.Sum256(body)
			c.SetRequest(r.WithContext(context.WithValue(r.Context(), requestHashKey, hex.EncodeToString(sum[:16]))))
		}
	case noBody:
	}
	return checkJSON(body)
}

func setBody(r *http.Request, body []byte) {
	r.Body, r.ContentLength = http.NoBody, int64(len(body))
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
}
