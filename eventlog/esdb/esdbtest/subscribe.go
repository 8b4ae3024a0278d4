package esdbtest

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// liveBuffer is how many live events the server keeps for a subscription before it goes back to reading.
const liveBuffer = 32

// subscription is one that is being served.
type subscription struct {
	node    *node
	call    streams.Streams_ReadServer
	matches func(*record) bool
	// every so many considered records there is a checkpoint; 0 for none.
	every      int
	considered int
	dropped    <-chan struct{}
	last       *record // considered last
	// wasCheckpoint: the last message was one.
	wasCheckpoint bool
}

func (n *node) subscribe(o *streams.ReadReq_Options, call streams.Streams_ReadServer) error {
	s := &subscription{node: n, call: call, dropped: n.cluster.dropped(), matches: func(*record) bool { return true }}
	if f := o.GetFilter(); f != nil {
		matches, err := matcher(f)
		if err != nil {
			return status.Error(codes.InvalidArgument, err.Error())
		}
		s.matches = matches
		s.every = int(max(1, f.GetMax())) * int(max(1, f.GetCheckpointIntervalMultiplier()))
	}
	confirmation := &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: fmt.Sprintf("subscription-%d", n.cluster.seen.Subscriptions.Load())}
	if err := call.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: confirmation}}); err != nil {
		return err
	}
	if of := o.GetStream(); of != nil {
		return s.followStream(of)
	}
	return s.followAll(s.start(o.GetAll()))
}

func (s *subscription) start(all *streams.ReadReq_Options_AllOptions) int {
	switch from := all.GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		return s.node.cluster.store.behind(from.Position.GetCommitPosition())
	case *streams.ReadReq_Options_AllOptions_End:
		return s.node.cluster.store.length()
	default:
		return 0
	}
}

// followAll sends history, then caught-up, then live events, with caught-up again whenever too many have piled up.
func (s *subscription) followAll(at int) error {
	live := false
	for {
		page, next, news := s.node.cluster.store.after(at, liveBuffer+1)
		if err := s.sendPage(page); err != nil {
			return err
		}
		at = next
		if len(page) > liveBuffer {
			live = false
			continue
		}
		if !live {
			if err := s.caughtUp(); err != nil {
				return err
			}
			live = true
		}
		if at < s.node.cluster.store.length() {
			continue
		}
		if err := s.wait(news); err != nil {
			return err
		}
	}
}

func (s *subscription) sendPage(page []*record) error {
	for i, r := range page {
		if err := s.consider(r, page[i+1:]); err != nil {
			return err
		}
	}
	return nil
}

// consider sends the record if it matches, and a checkpoint if one is due.
func (s *subscription) consider(r *record, next []*record) error {
	s.last = r
	if s.matches(r) {
		if err := s.send(shown(r)); err != nil {
			return err
		}
	}
	if s.every == 0 {
		return nil
	}
	if s.considered++; s.considered%s.every != 0 {
		return nil
	}
	if s.node.cluster.options.EarlyCheckpoints {
		if len(next) == 0 {
			return nil
		}
		r = next[0]
	}
	return s.checkpoint(r)
}

func (s *subscription) checkpoint(r *record) error {
	return s.send(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{
		Checkpoint: &streams.ReadResp_Checkpoint{CommitPosition: r.position, PreparePosition: r.position},
	}})
}

func (s *subscription) caughtUp() error {
	if s.every > 0 && s.last != nil {
		if err := s.checkpoint(s.last); err != nil {
			return err
		}
	}
	return s.send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}})
}

func (s *subscription) streamStart(of *streams.ReadReq_Options_StreamOptions) uint64 {
	switch from := of.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		return from.Revision + 1
	case *streams.ReadReq_Options_StreamOptions_End:
		if shown, _ := s.node.cluster.store.read(string(of.GetStreamIdentifier().GetStreamName())); len(shown) > 0 {
			return shown[len(shown)-1].revision + 1
		}
	}
	return 0
}

func (s *subscription) followStream(of *streams.ReadReq_Options_StreamOptions) error {
	name, next := string(of.GetStreamIdentifier().GetStreamName()), s.streamStart(of)
	for live := false; ; live = true {
		page, news := s.node.cluster.store.following(name, next)
		for _, r := range page {
			if err := s.send(shown(r)); err != nil {
				return err
			}
			next = r.revision + 1
		}
		if !live || len(page) > liveBuffer {
			if err := s.caughtUp(); err != nil {
				return err
			}
		}
		if err := s.wait(news); err != nil {
			return err
		}
	}
}

func (s *subscription) send(m *streams.ReadResp) error {
	behindCheckpoint := s.wasCheckpoint
	_, s.wasCheckpoint = m.GetContent().(*streams.ReadResp_Checkpoint_)
	if s.node.cluster.cutsHere(behindCheckpoint) {
		return unavailable("the subscription is cut")
	}
	select {
	case <-s.dropped:
		return unavailable("the subscription is dropped")
	default:
		return s.call.Send(m)
	}
}

func (s *subscription) wait(news <-chan struct{}) error {
	select {
	case <-news:
		return nil
	case <-s.dropped:
		return unavailable("the subscription is dropped")
	case <-s.call.Context().Done():
		return s.call.Context().Err()
	}
}

// matcher is the filter as a function.
func matcher(f *streams.ReadReq_Options_FilterOptions) (func(*record) bool, error) {
	expression, text := f.GetStreamIdentifier(), func(r *record) string { return r.stream }
	if expression == nil {
		expression, text = f.GetEventType(), func(r *record) string { return r.kind }
	}
	if pattern := expression.GetRegex(); pattern != "" {
		compiled, err := regexp.Compile(pattern)
		if err != nil {
			return nil, err
		}
		return func(r *record) bool { return compiled.MatchString(text(r)) }, nil
	}
	prefixes := expression.GetPrefix()
	return func(r *record) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(text(r), p) {
				return true
			}
		}
		return false
	}, nil
}
