// Package conformance checks a real EventStoreDB or KurrentDB server against everything assay needs of its event log: the same
// suite that the embedded log passes, and what only an event store can be asked, as a program of its own. It is for whoever is
// about to trust a cluster with an installation.
//
//	make conformance
//	ASSAY_EVENTSTORE='esdb://user:password@host:2113?tls=true' ./assay-conformance
//
// It prints a line per check and ends with exit code 0 when all have passed. Every check works in streams of its own, whose
// names begin with "assay-conformance-" and a random number; events of others in the same cluster are passed over. At its end
// each check deletes its streams (softly: a scavenge frees the space), where the user may, and says which stay. The first
// check of the head reads $all from its end to its start, which takes a while on a large cluster.
//
// make conformance builds it into one static file, assay-conformance, which needs nothing beside it. Without ASSAY_EVENTSTORE it checks
// the server in esdbtest.
package conformance
