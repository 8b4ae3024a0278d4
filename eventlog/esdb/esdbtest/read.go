package esdbtest

import (
	"encoding/binary"
	"slices"
	"sort"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Read implements the streams: reads and subscriptions, of streams and of $all.
func (n *node) Read(req *streams.ReadReq, call streams.Streams_ReadServer) error {
	leader, err := n.requiresLeader(call.Context(), call.SetTrailer)
	seen := &n.cluster.seen
	if leader {
		seen.LeaderReads.Add(1)
	}
	if err != nil {
		return err
	}
	fault := n.cluster.readFault()
	if err := fault.before(call.Context(), n); err != nil {
		return err
	}
	if err := fault.instead(); err != nil {
		return err
	}
	o := req.GetOptions()
	if o.GetSubscription() != nil {
		seen.Subscriptions.Add(1)
		return n.subscribe(o, call)
	}
	seen.Reads.Add(1)
	if all := o.GetAll(); all != nil {
		return n.readAll(o, all, call)
	}
	if of := o.GetStream(); of != nil {
		return n.readStream(o, of, call)
	}
	return status.Error(codes.InvalidArgument, "neither a stream nor $all")
}

func (n *node) readStream(o *streams.ReadReq_Options, of *streams.ReadReq_Options_StreamOptions, call streams.Streams_ReadServer) error {
	name := string(of.GetStreamIdentifier().GetStreamName())
	shown, tombstoned := n.cluster.store.read(name)
	if tombstoned {
		return streamDeleted(name, call.SetTrailer)
	}
	if len(shown) == 0 {
		return call.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{
			StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: of.GetStreamIdentifier()},
		}})
	}
	at := 0
	switch from := of.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_End:
		at = len(shown)
	case *streams.ReadReq_Options_StreamOptions_Revision:
		at = sort.Search(len(shown), func(i int) bool { return shown[i].revision >= from.Revision })
		if backwards(o) && at < len(shown) {
			at++ // the revision itself is read
		}
	}
	return sendPage(o, shown, at, call)
}

// allPage is how many records of $all are read at once.
const allPage = 256

func (n *node) readAll(o *streams.ReadReq_Options, all *streams.ReadReq_Options_AllOptions, call streams.Streams_ReadServer) error {
	store, at := n.cluster.store, 0
	switch from := all.GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_End:
		at = store.length()
	case *streams.ReadReq_Options_AllOptions_Position:
		// forwards the position itself is read, backwards it is not
		at = store.from(from.Position.GetCommitPosition())
	}
	for left := o.GetCount(); left > 0; {
		var page []*record
		if backwards(o) {
			page, at = store.earlier(at, allPage)
		} else {
			page, at, _ = store.after(at, allPage)
		}
		if len(page) == 0 {
			return nil
		}
		page = page[:min(uint64(len(page)), left)]
		left -= uint64(len(page))
		for _, r := range page {
			if err := call.Send(shown(r)); err != nil {
				return err
			}
		}
	}
	return nil
}

func backwards(o *streams.ReadReq_Options) bool {
	return o.GetReadDirection() == streams.ReadReq_Options_Backwards
}

// sendPage sends up to the number of records asked for, from the index on, or from before it on when reading backwards.
func sendPage(o *streams.ReadReq_Options, records []*record, at int, call streams.Streams_ReadServer) error {
	page := records[at:]
	if backwards(o) {
		page = slices.Clone(records[:at])
		slices.Reverse(page)
	}
	if wanted := o.GetCount(); uint64(len(page)) > wanted {
		page = page[:wanted]
	}
	for _, r := range page {
		if err := call.Send(shown(r)); err != nil {
			return err
		}
	}
	return nil
}

// shown is a record as it travels.
func shown(r *record) *streams.ReadResp {
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id: &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
				MostSignificantBits:  int64(binary.BigEndian.Uint64(r.id[:8])), //nolint:gosec // bits
				LeastSignificantBits: int64(binary.BigEndian.Uint64(r.id[8:])), //nolint:gosec // bits
			}}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(r.stream)},
			StreamRevision:   r.revision, CommitPosition: r.position, PreparePosition: r.position,
			Metadata: map[string]string{
				"type": r.kind, "content-type": r.contentType, "created": strconv.FormatInt(r.created.UnixNano()/100, 10),
			},
			CustomMetadata: r.meta, Data: r.data,
		},
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: r.position},
	}}}
}
