package esdbtest

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// node is one server process of the cluster.
type node struct {
	streams.UnimplementedStreamsServer
	serverfeatures.UnimplementedServerFeaturesServer

	cluster *Cluster
	index   int

	mu      sync.Mutex
	addr    net.Addr
	open    *connections
	server  *grpc.Server
	serving sync.WaitGroup
}

const (
	// serverMessage is what the real server receives at most.
	serverMessage = 16<<20 - 10_000
	// serverStreams is how many calls the real server's connections carry at once.
	serverStreams = 100
	version       = "24.6.0"
)

func (n *node) start(address string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server != nil {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	n.addr, n.open = l.Addr(), watched(l)
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(serverMessage), grpc.MaxConcurrentStreams(serverStreams),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(n.admitCall), grpc.StreamInterceptor(n.admitStream),
	}
	if n.cluster.cert != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{*n.cluster.cert}, MinVersion: tls.VersionTLS12,
		})))
	}
	server := grpc.NewServer(options...)
	streams.RegisterStreamsServer(server, n)
	gossip.RegisterGossipServer(server, membership{node: n})
	serverfeatures.RegisterServerFeaturesServer(server, n)
	n.server = server
	open := n.open
	n.serving.Go(func() { _ = server.Serve(open) }) // it ends with stop
	return nil
}

// stop resets all connections and closes the port.
func (n *node) stop() {
	n.mu.Lock()
	server, open := n.server, n.open
	n.server = nil
	n.mu.Unlock()
	if server == nil {
		return
	}
	_ = open.Close() // the port; the server closes it again
	open.each((*connection).reset)
	server.Stop()
	n.serving.Wait()
}

func (n *node) address() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addr.String()
}

func (n *node) connections() *connections {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open
}

func (n *node) cut(ctx context.Context) { n.connections().cut(ctx) }
func (n *node) cutAll()                 { n.connections().each((*connection).reset) }
func (n *node) freeze() {
	n.connections().each(func(c *connection) { c.frozen.Store(true) })
}

func (n *node) leads() bool { return n.cluster.Leader() == n.index }

func (n *node) admitCall(ctx context.Context, req any, call *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	// Gossip and features are for everybody, as the real server has it by default.
	if _, streams := call.Server.(streams.StreamsServer); streams && !strings.Contains(call.FullMethod, "server_features") {
		if err := n.authenticate(ctx); err != nil {
			return nil, err
		}
	}
	return next(ctx, req)
}

func (n *node) admitStream(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := n.authenticate(stream.Context()); err != nil {
		return err
	}
	return next(server, stream)
}

func (n *node) authenticate(ctx context.Context) error {
	if n.cluster.options.Users == nil {
		return nil
	}
	for _, header := range metadata.ValueFromIncomingContext(ctx, "authorization") {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(header, "Basic "))
		if err != nil {
			continue
		}
		name, password, _ := strings.Cut(string(decoded), ":")
		if known, ok := n.cluster.options.Users[name]; ok && known == password {
			return nil
		}
	}
	return status.Error(codes.Unauthenticated, "Unauthenticated")
}

// requiresLeader tells whether the caller insists on the leader, and refuses it here when this is another node.
func (n *node) requiresLeader(ctx context.Context, trailers func(metadata.MD)) (bool, error) {
	values := metadata.ValueFromIncomingContext(ctx, "requires-leader")
	if len(values) == 0 || !strings.EqualFold(values[0], "true") {
		return false, nil
	}
	if n.leads() {
		return true, nil
	}
	leader := n.cluster.nodes[n.cluster.Leader()].address()
	host, port, _ := net.SplitHostPort(leader)
	trailers(metadata.Pairs("exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port))
	return true, status.Error(codes.NotFound, fmt.Sprintf("Leader info available at %s", leader))
}

// GetSupportedMethods implements the server features.
func (n *node) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	return &serverfeatures.SupportedMethods{EventStoreServerVersion: version}, nil
}

// membership is the gossip of a node; a type of its own because its method is called Read, as the streams' is.
type membership struct {
	gossip.UnimplementedGossipServer
	node *node
}

// Read implements the gossip.
func (m membership) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	info := &gossip.ClusterInfo{}
	for _, n := range m.node.cluster.nodes {
		n.mu.Lock()
		alive, address := n.server != nil, n.addr.(*net.TCPAddr)
		n.mu.Unlock()
		state := gossip.MemberInfo_Follower
		if n.leads() {
			state = gossip.MemberInfo_Leader
		}
		info.Members = append(info.Members, &gossip.MemberInfo{
			State: state, IsAlive: alive,
			HttpEndPoint: &gossip.EndPoint{Address: address.IP.String(), Port: uint32(address.Port)}, //nolint:gosec // a port
		})
	}
	return info, nil
}
