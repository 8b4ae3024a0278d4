package openapi

import (
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/openapi/auth"
)

// Limit is how many evaluations a second one key may ask for from one address. The zero value is no limit.
type Limit struct {
	PerSecond float64
	// Burst is how many may come at once; one second's worth, and at least 1, when 0.
	Burst int
}

// maxMeters bounds the memory of the limit. Beyond it, meters that are full again are forgotten, which changes nothing.
const maxMeters = 100_000

// meters hold callers to a Limit, each by a token bucket. A key of a web page is in many hands, so the address counts too.
type meters struct {
	limit Limit
	mu    sync.Mutex
	all   map[meterKey]*rate.Limiter
}

type meterKey struct {
	key     domain.KeyID
	address string
}

func newMeters(limit Limit) *meters {
	if limit.Burst <= 0 {
		limit.Burst = max(1, int(math.Ceil(limit.PerSecond)))
	}
	return &meters{limit: limit, all: map[meterKey]*rate.Limiter{}}
}

// take counts a request. It returns how long the caller must wait before the next would be taken; 0 when this one is.
func (m *meters) take(key meterKey, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	meter := m.all[key]
	if meter == nil {
		if len(m.all) >= maxMeters {
			m.forget(now)
		}
		meter = rate.NewLimiter(rate.Limit(m.limit.PerSecond), m.limit.Burst)
		m.all[key] = meter
	}
	reservation := meter.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now) // it is refused, so it must not make others wait
	}
	return wait
}

// forget drops the meters that are as good as new; when that are none, all of them, because memory must not grow.
func (m *meters) forget(now time.Time) {
	for key, meter := range m.all {
		if meter.TokensAt(now) >= float64(m.limit.Burst) {
			delete(m.all, key)
		}
	}
	if len(m.all) >= maxMeters {
		clear(m.all)
	}
}

// meter refuses the request when its caller has sent too many.
func (s *Server) meter(who auth.Principal, r *http.Request) error {
	if s.EvaluationLimit.PerSecond <= 0 {
		return nil
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	wait := s.meters.take(meterKey{who.Key, address}, s.Now())
	if wait == 0 {
		return nil
	}
	p := refuse(http.StatusTooManyRequests, "too_many_requests", "this key asks for more than %g evaluations a second from this address; wait as long as Retry-After says", s.EvaluationLimit.PerSecond)
	// Whole seconds, because that is what the clients of all languages read.
	p.retryAfter = int(math.Ceil(wait.Seconds()))
	return p
}
