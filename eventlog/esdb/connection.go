package esdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	driver "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	// errNotSent: the call never reached the network.
	errNotSent = errors.New("the call was not sent")
	// errGivenUp: the call may have been sent, and nobody waits for its answer any more.
	errGivenUp = errors.New("no answer in time")
	// errPanicked: the driver panicked, for instance because it was closed beside a call.
	errPanicked = errors.New("the client failed")
)

// grace is how long calls may go on with a client that is no longer used for new ones.
const grace = 30 * time.Second

// connection is one client of the driver.
//
// The driver has one goroutine per client that hands out the gRPC connection. It dies when discovery fails, leaving callers
// hanging; and when a node has become unavailable it discovers anew, forgetting the old connection unclosed. So a
// client is retired as soon as a call finds its node unavailable, before the driver learns of it, and never asked for a
// connection again. It is closed when its last call has ended.
type connection struct {
	client  *driver.Client
	retired chan struct{} // closed when it is

	mu       sync.Mutex
	calmed   sync.Cond // entering or running has become 0
	running  int       // calls that have not ended
	entering int       // those of them that have not got the driver's connection yet
	isOver   bool
	isClosed bool
	timer    *time.Timer
}

func connect(c driver.Configuration) (*connection, error) {
	made := &connection{retired: make(chan struct{})}
	made.calmed.L = &made.mu
	c.Logger = made.hear
	client, err := driver.NewClient(&c)
	if err != nil {
		return nil, err
	}
	made.client = client
	return made, nil
}

// hear is the driver's logger. The driver logs an error of a call right before it starts a new discovery because of it: the
// last moment at which the leak can be prevented.
func (c *connection) hear(level driver.LogLevel, format string, args ...any) {
	if level != driver.LogError || format != "unexpected exception: %v" || len(args) != 1 {
		return
	}
	if err, is := args[0].(error); is && status.Code(err) == codes.Unavailable {
		c.retire()
		c.mu.Lock()
		defer c.mu.Unlock()
		for c.entering > 0 && !c.isClosed {
			c.calmed.Wait()
		}
	}
}

// retire lets no new calls in. What runs may end in peace, but not for ever.
func (c *connection) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isOver {
		return
	}
	c.isOver = true
	close(c.retired)
	if c.running == 0 {
		c.close()
		return
	}
	c.timer = time.AfterFunc(grace, c.force)
}

// force closes the client though calls are running; those that hang in the driver panic, which is caught, and end.
func (c *connection) force() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close()
}

// suspect retires the connection when an error that is not the caller's says that it is of no use any more: the driver has
// closed itself or panicked, or calls get no answers, though the connection looks alive.
func (c *connection) suspect(err error) {
	var e *driver.Error
	dead := errors.As(err, &e) && (e.Code() == driver.ErrorCodeConnectionClosed || e.Code() == driver.ErrorCodeDeadlineExceeded)
	if dead || errors.Is(err, errGivenUp) || errors.Is(err, errPanicked) {
		c.retire()
	}
}

// drain waits until no call is running, or ctx ends.
func (c *connection) drain(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calmed.Broadcast()
	})
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.running > 0 && ctx.Err() == nil {
		c.calmed.Wait()
	}
}

// close is called with mu held.
func (c *connection) close() {
	if c.isClosed {
		return
	}
	c.isClosed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.calmed.Broadcast()
	_ = c.client.Close() // it always returns nil
}

// admission is the passage of one call.
type admission struct {
	context.Context //nolint:containedctx // it is a context that tells when it is first used
	c               *connection
	state           atomic.Int32
	once            sync.Once
}

const (
	waiting int32 = iota
	passed        // it has the driver's connection and may have sent something
	given         // up before it had it: it will send nothing, because its context has ended
)

// Deadline is asked by the driver when it has got its connection and derives the call's context: the sign that this call
// needs the driver's goroutine no more.
func (a *admission) Deadline() (time.Time, bool) {
	a.state.CompareAndSwap(waiting, passed)
	a.calm()
	return a.Context.Deadline()
}

func (a *admission) calm() {
	a.once.Do(func() {
		a.c.mu.Lock()
		defer a.c.mu.Unlock()
		if a.c.entering--; a.c.entering == 0 {
			a.c.calmed.Broadcast()
		}
	})
}

// giveUp tells whether the call can have sent anything. The context has ended.
func (a *admission) giveUp() error {
	if a.state.CompareAndSwap(waiting, given) || a.state.Load() == given {
		return errNotSent
	}
	return errGivenUp
}

// enter begins a call; false when the client is retired. leave must follow.
func (c *connection) enter(ctx context.Context) (*admission, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isOver {
		return nil, false
	}
	c.running++
	c.entering++
	return &admission{Context: ctx, c: c}, true
}

func (a *admission) leave() {
	a.calm()
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if a.c.running--; a.c.running > 0 {
		return
	}
	a.c.calmed.Broadcast()
	if a.c.isOver {
		a.c.close()
	}
}

// do runs a call of the driver and waits for it no longer than ctx lasts: the driver itself may hang, and panic. A call that
// is given up may still run for a while, so f must own all it touches.
func do[T any](ctx context.Context, c *connection, f func(context.Context, *driver.Client) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var nothing T
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a, ok := c.enter(ctx)
	if !ok {
		return nothing, errNotSent
	}
	answers := make(chan answer, 1)
	go func() {
		defer a.leave()
		var got answer
		defer func() { answers <- got }()
		defer caught(&got.err)
		got.value, got.err = f(a, c.client)
	}()
	retired := c.retired
	for {
		select {
		case got := <-answers:
			return got.value, got.err
		case <-ctx.Done():
			return nothing, a.giveUp()
		case <-retired:
			if a.state.Load() == waiting {
				cancel() // the driver may never let it through; should it yet, the context has ended
			}
			retired = nil
		}
	}
}

// caught turns a panic of the driver into an error.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", errPanicked, p)
	}
}
