package esdbtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Append implements the streams.
func (n *node) Append(call streams.Streams_AppendServer) error {
	ctx, seen := call.Context(), &n.cluster.seen
	seen.Appends.Add(1)
	leader, misled := n.requiresLeader(ctx, call.SetTrailer)
	if leader {
		seen.LeaderAppends.Add(1)
	}
	first, err := call.Recv()
	if err != nil {
		return err
	}
	options := first.GetOptions()
	if options == nil {
		return status.Error(codes.InvalidArgument, "an append begins with its options")
	}
	name := string(options.GetStreamIdentifier().GetStreamName())
	fault := n.cluster.fault(name)
	if err := fault.before(ctx, n); err != nil {
		return err
	}
	events, err := n.receive(call)
	if err != nil {
		return err
	}
	// What the server itself refuses, it refuses when it has all.
	if misled != nil {
		return misled
	}
	if err := fault.instead(); err != nil {
		n.cluster.refuse(name, events)
		return err
	}
	o := n.cluster.store.commit(name, expectedBy(options), events)
	switch o.verdict {
	case deleted:
		return streamDeleted(name, call.SetTrailer)
	case mismatched:
		return call.SendAndClose(wrongVersion(options, o))
	case repeated:
		seen.Repeats.Add(1)
	default:
		seen.Commits.Add(1)
	}
	if err := fault.after(ctx, n); err != nil {
		return err
	}
	return call.SendAndClose(success(o))
}

// receive reads the proposed events and holds them against the size limit.
func (n *node) receive(call streams.Streams_AppendServer) ([]record, error) {
	var events []record
	size := 0
	for {
		message, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		proposed := message.GetProposedMessage()
		if proposed == nil {
			return nil, status.Error(codes.InvalidArgument, "the options come once")
		}
		r := record{
			id: idOf(proposed.GetId()), kind: proposed.GetMetadata()["type"], contentType: proposed.GetMetadata()["content-type"],
			data: proposed.GetData(), meta: proposed.GetCustomMetadata(),
		}
		if size += len(r.data) + len(r.meta) + 2*len(r.kind); size > n.cluster.options.MaxAppendSize {
			call.SetTrailer(metadata.Pairs("exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(n.cluster.options.MaxAppendSize)))
			return nil, status.Error(codes.InvalidArgument, fmt.Sprintf("Maximum Append Size of %d Exceeded.", n.cluster.options.MaxAppendSize))
		}
		events = append(events, r)
	}
}

func expectedBy(o *streams.AppendReq_Options) expectation {
	switch e := o.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_Revision:
		return expectation{revision: int64(e.Revision)} //nolint:gosec // the real one is signed, too
	case *streams.AppendReq_Options_NoStream:
		return expectation{revision: -1}
	case *streams.AppendReq_Options_StreamExists:
		return expectation{kind: existing}
	default:
		return expectation{kind: anything}
	}
}

func success(o outcome) *streams.AppendResp {
	s := &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(o.current)}, //nolint:gosec // not negative after a write
		PositionOption: &streams.AppendResp_Success_Position{
			Position: &streams.AppendResp_Position{CommitPosition: o.position, PreparePosition: o.position},
		},
	}
	if o.current < 0 {
		s.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{NoStream: &shared.Empty{}}
	}
	if o.position == 0 {
		s.PositionOption = &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: s}}
}

func wrongVersion(options *streams.AppendReq_Options, o outcome) *streams.AppendResp {
	w := &streams.AppendResp_WrongExpectedVersion{
		CurrentRevisionOption: &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(o.current)}, //nolint:gosec // replaced when negative
	}
	if o.current < 0 {
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}}
	}
	switch e := options.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_Revision:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: e.Revision}
	case *streams.AppendReq_Options_NoStream:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &shared.Empty{}}
	case *streams.AppendReq_Options_StreamExists:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &shared.Empty{}}
	default:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: &shared.Empty{}}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: w}}
}

func streamDeleted(name string, trailers func(metadata.MD)) error {
	trailers(metadata.Pairs("exception", "stream-deleted", "stream-name", name))
	return status.Error(codes.FailedPrecondition, fmt.Sprintf("Event stream '%s' is deleted.", name))
}

func idOf(u *shared.UUID) (id [16]byte) {
	s := u.GetStructured()
	binary.BigEndian.PutUint64(id[:8], uint64(s.GetMostSignificantBits()))  //nolint:gosec // bits
	binary.BigEndian.PutUint64(id[8:], uint64(s.GetLeastSignificantBits())) //nolint:gosec // bits
	return id
}

// Delete implements the streams: the soft kind.
func (n *node) Delete(ctx context.Context, req *streams.DeleteReq) (*streams.DeleteResp, error) {
	var expected expectation
	switch e := req.GetOptions().GetExpectedStreamRevision().(type) {
	case *streams.DeleteReq_Options_Revision:
		expected = expectation{revision: int64(e.Revision)} //nolint:gosec // the real one is signed, too
	case *streams.DeleteReq_Options_NoStream:
		expected = expectation{revision: -1}
	case *streams.DeleteReq_Options_StreamExists:
		expected = expectation{kind: existing}
	default:
		expected = expectation{kind: anything}
	}
	position, err := n.remove(ctx, req.GetOptions().GetStreamIdentifier(), expected, true)
	if err != nil {
		return nil, err
	}
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{
		Position: &streams.DeleteResp_Position{CommitPosition: position, PreparePosition: position},
	}}, nil
}

// Tombstone implements the streams: deletion for ever.
func (n *node) Tombstone(ctx context.Context, req *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	var expected expectation
	switch e := req.GetOptions().GetExpectedStreamRevision().(type) {
	case *streams.TombstoneReq_Options_Revision:
		expected = expectation{revision: int64(e.Revision)} //nolint:gosec // the real one is signed, too
	case *streams.TombstoneReq_Options_NoStream:
		expected = expectation{revision: -1}
	case *streams.TombstoneReq_Options_StreamExists:
		expected = expectation{kind: existing}
	default:
		expected = expectation{kind: anything}
	}
	position, err := n.remove(ctx, req.GetOptions().GetStreamIdentifier(), expected, false)
	if err != nil {
		return nil, err
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{
		Position: &streams.TombstoneResp_Position{CommitPosition: position, PreparePosition: position},
	}}, nil
}

func (n *node) remove(ctx context.Context, id *shared.StreamIdentifier, expected expectation, soft bool) (uint64, error) {
	trailers := func(md metadata.MD) { _ = grpc.SetTrailer(ctx, md) } // a test that misses them will say so
	if _, err := n.requiresLeader(ctx, trailers); err != nil {
		return 0, err
	}
	name := string(id.GetStreamName())
	switch o := n.cluster.store.remove(name, expected, soft); o.verdict {
	case deleted:
		return 0, streamDeleted(name, trailers)
	case mismatched:
		trailers(metadata.Pairs("exception", "wrong-expected-version", "stream-name", name, "actual-version", strconv.FormatInt(o.current, 10)))
		return 0, status.Error(codes.FailedPrecondition, "WrongExpectedVersion")
	default:
		return o.position, nil
	}
}
