// Package esdbtest is an EventStoreDB server in memory, for tests of what talks to one: the unmodified EventStore client
// connects to it over TCP, with or without TLS and credentials, to a single node or to a cluster with gossip. It is built on
// the server stubs that the client module exports, and can be told to fail in every way a network and a cluster do.
//
// # What it does as the real server does
//
// Append with every expected revision and the server's rules of idempotency (exact revisions compare the ids in the stream; any and
// stream-exists only ask a bounded cache of recent ids), the size limit, wrong-version answers, stream-deleted and
// not-leader trailers; reads of streams and of $all in both directions; subscriptions to $all and to streams, filtered by prefix
// or pattern of stream or type, with checkpoints per window, caught-up after the history and again whenever more than 32
// events have piled up; stream metadata ($tb, $maxCount, $maxAge), soft delete and revival, tombstones; gossip with roles, server
// features, basic authentication, which only travels with TLS. Positions are byte offsets with gaps, and $all begins with
// records of the system.
//
// # Where it differs
//
// Links are not resolved, access control lists are not looked at, followers do not forward and never lag, all nodes are scavenged at once,
// BatchAppend and persistent subscriptions are not there, nothing survives the process.
package esdbtest
