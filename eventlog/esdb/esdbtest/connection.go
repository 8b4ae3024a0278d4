package esdbtest

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/peer"
)

// connections are what a listener has accepted, so that they can be reset and frozen.
type connections struct {
	net.Listener
	mu   sync.Mutex
	open map[string]*connection
}

func watched(l net.Listener) *connections {
	return &connections{Listener: l, open: map[string]*connection{}}
}

// Accept implements net.Listener.
func (c *connections) Accept() (net.Conn, error) {
	accepted, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	watched := &connection{Conn: accepted, of: c, closed: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[accepted.RemoteAddr().String()] = watched
	return watched, nil
}

func (c *connections) each(do func(*connection)) {
	c.mu.Lock()
	var all []*connection
	for _, open := range c.open {
		all = append(all, open)
	}
	c.mu.Unlock()
	for _, open := range all {
		do(open)
	}
}

// cut resets the connection that a call came over.
func (c *connections) cut(ctx context.Context) {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return
	}
	c.mu.Lock()
	open := c.open[from.Addr.String()]
	c.mu.Unlock()
	if open != nil {
		open.reset()
	}
}

// connection can be frozen: what the other side sends is not read, and what is sent to it vanishes.
type connection struct {
	net.Conn
	of     *connections
	frozen atomic.Bool
	once   sync.Once
	closed chan struct{}
}

// Read implements net.Conn.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.frozen.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

// Write implements net.Conn.
func (c *connection) Write(b []byte) (int, error) {
	if c.frozen.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.of.mu.Lock()
		delete(c.of.open, c.RemoteAddr().String())
		c.of.mu.Unlock()
	})
	return c.Conn.Close()
}

// reset closes the connection so that the other side sees a reset and not an orderly end.
func (c *connection) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // at worst the end is orderly
	}
	_ = c.Close() // it is thrown away
}
