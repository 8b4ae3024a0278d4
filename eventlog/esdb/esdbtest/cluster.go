package esdbtest

import (
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Options say what a cluster is like. The zero value is one node without TLS.
type Options struct {
	// Nodes is how many nodes there are; 1 when 0. The first is the leader.
	Nodes int
	// TLS makes every node present a certificate of an authority made for this cluster.
	TLS bool
	// Users maps names to passwords. When given, every call needs the credentials of one.
	Users map[string]string
	// MaxAppendSize is what one append may hold in bytes: data, metadata and twice the types. 1 MiB when 0.
	MaxAppendSize int
	// EarlyCheckpoints makes every checkpoint name the position of an event that is only delivered next, as some servers did
	// (issue 4970 of EventStoreDB).
	EarlyCheckpoints bool
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

const defaultMaxAppendSize = 1 << 20

// Cluster is a running cluster in this process.
type Cluster struct {
	options Options
	store   *store
	nodes   []*node
	caFile  string
	cert    *tls.Certificate
	leader  atomic.Int32

	mu       sync.Mutex
	onAppend func(stream string) Fault
	onRead   func() Fault
	onSend   func(behindCheckpoint bool) bool
	dropping chan struct{} // closed, and made anew, to end all subscriptions
	refused  map[string]map[[16]byte]bool

	seen Seen
}

// Seen counts what reached the cluster.
type Seen struct {
	// Appends are calls to append; LeaderAppends and LeaderReads those calls that required the leader, refused ones included.
	Appends, Reads, Subscriptions, LeaderAppends, LeaderReads atomic.Int64
	// Commits are appends that were recorded, Repeats those that were known already.
	Commits, Repeats atomic.Int64
}

// Start runs a cluster until the test ends.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Nodes == 0 {
		o.Nodes = 1
	}
	if o.MaxAppendSize == 0 {
		o.MaxAppendSize = defaultMaxAppendSize
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cluster{options: o, store: newStore(o.Now), dropping: make(chan struct{}), refused: map[string]map[[16]byte]bool{}}
	if o.TLS {
		cert, caFile, err := certify(t.TempDir(), o.Now())
		if err != nil {
			t.Fatal("making a certificate: ", err)
		}
		c.cert, c.caFile = cert, caFile
	}
	for i := range o.Nodes {
		n := &node{cluster: c, index: i}
		c.nodes = append(c.nodes, n)
		if err := n.start("127.0.0.1:0"); err != nil {
			t.Fatal("starting a node: ", err)
		}
		t.Cleanup(n.stop)
	}
	return c
}

// ConnectionString is what a client connects with; all nodes are named when there are several. The credentials are those of
// the user, when one is given.
func (c *Cluster) ConnectionString(user ...string) string {
	hosts := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		hosts[i] = n.address()
	}
	return c.connectionString(strings.Join(hosts, ","), user)
}

// NodeConnectionString names one node only.
func (c *Cluster) NodeConnectionString(node int, user ...string) string {
	return c.connectionString(c.nodes[node].address(), user)
}

// DiscoverConnectionString lets the client ask one node for the others.
func (c *Cluster) DiscoverConnectionString(node int) string {
	return strings.Replace(c.NodeConnectionString(node), "esdb://", "esdb+discover://", 1)
}

func (c *Cluster) connectionString(hosts string, user []string) string {
	if len(user) > 0 {
		hosts = fmt.Sprintf("%s:%s@%s", user[0], c.options.Users[user[0]], hosts)
	}
	if c.options.TLS {
		return fmt.Sprintf("esdb://%s?tls=true&tlsCaFile=%s", hosts, c.caFile)
	}
	return fmt.Sprintf("esdb://%s?tls=false", hosts)
}

// Stop makes all nodes unreachable: connections are reset, new ones refused. What was committed stays.
func (c *Cluster) Stop() {
	for _, n := range c.nodes {
		n.stop()
	}
}

// Resume makes all nodes reachable again, where they were.
func (c *Cluster) Resume(t testing.TB) {
	t.Helper()
	for i := range c.nodes {
		c.ResumeNode(t, i)
	}
}

// StopNode makes one node unreachable.
func (c *Cluster) StopNode(i int) { c.nodes[i].stop() }

// ResumeNode makes one node reachable again.
func (c *Cluster) ResumeNode(t testing.TB, i int) {
	t.Helper()
	n := c.nodes[i]
	if err := n.start(n.address()); err != nil {
		t.Fatal("resuming a node: ", err)
	}
}

// SetLeader elects a node. The connections stay as they are; calls that require the leader are refused by the others.
func (c *Cluster) SetLeader(i int) { c.leader.Store(int32(i)) } //nolint:gosec // a handful of nodes

// Leader is the index of the leader.
func (c *Cluster) Leader() int { return int(c.leader.Load()) }

// CutConnections resets all connections; new ones are accepted.
func (c *Cluster) CutConnections() {
	for _, n := range c.nodes {
		n.cutAll()
	}
}

// Connections counts the open ones.
func (c *Cluster) Connections() (n int) {
	for _, node := range c.nodes {
		node.connections().each(func(*connection) { n++ })
	}
	return n
}

// Freeze makes all present connections swallow everything silently, as a network that drops packets does. New ones work. CutConnections
// ends the frozen ones.
func (c *Cluster) Freeze() {
	for _, n := range c.nodes {
		n.freeze()
	}
}

// OnAppend lets f choose the fault of every append from now on; nil for none. f is called by one append at a time.
func (c *Cluster) OnAppend(f func(stream string) Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onAppend = f
}

// OnRead lets f choose the fault of every read and subscription from now on, before it says anything: None, Refuse, Abort or CutBefore; nil
// for none. f is called by one at a time.
func (c *Cluster) OnRead(f func() Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onRead = f
}

// OnSend is asked before every message of a subscription, and told whether the one before it was a checkpoint, whether to end
// it instead; nil for never.
func (c *Cluster) OnSend(f func(behindCheckpoint bool) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onSend = f
}

// DropSubscriptions ends all running subscriptions.
func (c *Cluster) DropSubscriptions() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.dropping)
	c.dropping = make(chan struct{})
}

// ForgetRecent empties the cache of recent event ids, as a restart of the server can.
func (c *Cluster) ForgetRecent() {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	clear(c.store.recent)
	c.store.order = nil
}

// Scavenge frees the space of what streams do not show any more, as an operator makes every node do. It returns how many events are
// gone from $all.
func (c *Cluster) Scavenge() int { return c.store.scavenge() }

// WriteSystemEvent adds a record of the server's own, as its statistics do.
func (c *Cluster) WriteSystemEvent() { c.store.system("$stats-127.0.0.1:2113", "$statsCollected") }

// Events returns the number of visible events of a stream.
func (c *Cluster) Events(stream string) int {
	shown, _ := c.store.read(stream)
	return len(shown)
}

// Streams lists those with visible events whose names begin with the prefix.
func (c *Cluster) Streams(prefix string) (names []string) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	for name, s := range c.store.streams {
		if strings.HasPrefix(name, prefix) && len(s.visible(c.store.now())) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// Seen tells what has reached the cluster so far.
func (c *Cluster) Seen() *Seen { return &c.seen }

func (c *Cluster) fault(stream string) Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.onAppend == nil {
		return None
	}
	return c.onAppend(stream)
}

// Refused counts the different appends to a stream that a fault has refused, each however often it came.
func (c *Cluster) Refused(stream string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.refused[stream])
}

func (c *Cluster) refuse(stream string, events []record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(events) == 0 {
		return
	}
	if c.refused[stream] == nil {
		c.refused[stream] = map[[16]byte]bool{}
	}
	c.refused[stream][events[0].id] = true
}

func (c *Cluster) readFault() Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.onRead == nil {
		return None
	}
	return c.onRead()
}

func (c *Cluster) cutsHere(behindCheckpoint bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.onSend != nil && c.onSend(behindCheckpoint)
}

func (c *Cluster) dropped() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropping
}
