package esdbtest

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Fault is what goes wrong with one append: one of the constants, or Slow.
type Fault int64

const (
	// None lets the append happen.
	None Fault = iota
	// Refuse answers that the server is not available; nothing is recorded.
	Refuse
	// Abort answers that the server gave up waiting; nothing is recorded.
	Abort
	// CutBefore resets the connection in the middle of sending; nothing is recorded.
	CutBefore
	// RejectEarly answers before the caller has sent all, so that its sending breaks with an EOF; nothing is recorded.
	RejectEarly
	// LoseAnswer records the events and answers that the server is not available.
	LoseAnswer
	// TimeOut records the events and answers that the server gave up waiting for the cluster.
	TimeOut
	// CutAfter records the events and resets the connection instead of answering.
	CutAfter
	// Silence records the events and never answers.
	Silence
	slowest // larger faults are how long to wait
)

// Slow records the events and answers after a while.
func Slow(d time.Duration) Fault { return slowest + Fault(d) }

func unavailable(why string) error { return status.Error(codes.Unavailable, why) }

// instead is what the server answers, having done nothing; nil to go on.
func (f Fault) instead() error {
	switch f {
	case Refuse:
		return unavailable("the server is not ready")
	case Abort:
		return status.Error(codes.Aborted, "timed out waiting for prepares")
	default:
		return nil
	}
}

// before is what happens while the caller is still sending; nil to go on.
func (f Fault) before(ctx context.Context, n *node) error {
	switch f {
	case CutBefore:
		n.cut(ctx)
		return unavailable("connection reset")
	case RejectEarly:
		return status.Error(codes.InvalidArgument, "refused before all was sent")
	default:
		return nil
	}
}

// after is what happens instead of the answer to an append that was recorded; nil to answer.
func (f Fault) after(ctx context.Context, n *node) error {
	switch f {
	case LoseAnswer:
		return unavailable("the answer is lost")
	case TimeOut:
		return status.Error(codes.Aborted, "timed out waiting for commits")
	case CutAfter:
		n.cut(ctx)
		return unavailable("connection reset")
	case Silence:
		<-ctx.Done()
		return ctx.Err()
	}
	if f <= slowest {
		return nil
	}
	timer := time.NewTimer(time.Duration(f - slowest))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the caller gave up: %w", ctx.Err())
	}
}
