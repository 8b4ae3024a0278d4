package modelcheck_test

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/assayhq/assay/eventlog"
)

// history is everything that was asked of the log and of the write path, and what was answered. Times are a counter.
type history struct {
	mu       sync.Mutex
	clock    int64
	calls    []*logOp
	commands []*commandOp
}

// logCall is an append or the reading of a whole stream.
type logCall struct {
	read     bool
	expected eventlog.Revision
	ids      []eventlog.ID
}

type logAnswer struct {
	ids []eventlog.ID // of a read
	err error         // of an append
}

type logOp struct {
	stream       string
	call         logCall
	answer       logAnswer
	begun, ended int64 // ended is 0 while there is no answer
}

func (h *history) tick() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

func (h *history) called(stream string, call logCall) *logOp {
	op := &logOp{stream: stream, call: call, begun: h.tick()}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, op)
	return op
}

func (h *history) answered(op *logOp, answer logAnswer) {
	now := h.tick()
	h.mu.Lock()
	defer h.mu.Unlock()
	op.answer, op.ended = answer, now
}

// logModel is one stream of the log: the ids it holds.
func logModel() porcupine.Model {
	return porcupine.Model{
		Init:  func() any { return []eventlog.ID(nil) },
		Equal: func(a, b any) bool { return slices.Equal(a.([]eventlog.ID), b.([]eventlog.ID)) },
		Step: func(state, input, output any) (bool, any) {
			held, call, answer := state.([]eventlog.ID), input.(logCall), output.(logAnswer)
			if call.read {
				return slices.Equal(held, answer.ids), held
			}
			end := eventlog.Revision(len(held)) - 1
			first := int(call.expected) + 1
			repeated := call.expected < end && first+len(call.ids) <= len(held) && slices.Equal(held[first:first+len(call.ids)], call.ids)
			switch {
			case answer.err == nil && repeated:
				return true, held
			case answer.err == nil:
				return call.expected == end, append(slices.Clip(held), call.ids...)
			case errors.Is(answer.err, eventlog.ErrConflict):
				conflict, _ := errors.AsType[*eventlog.ConflictError](answer.err)
				return call.expected != end && !repeated && conflict.Actual == end, held
			case call.expected == end: // nobody knows; at the very end it makes no difference any more
				return true, append(slices.Clip(held), call.ids...)
			default:
				return true, held
			}
		},
	}
}

// linearizable checks the calls of each stream, with what the streams hold in the end.
func (h *history) linearizable(final map[string][]eventlog.ID) (wrong []string) {
	streams := map[string][]porcupine.Operation{}
	for _, op := range h.calls {
		err := op.answer.err
		unknown := op.ended == 0 || errors.Is(err, eventlog.ErrUnknownOutcome) || errors.Is(err, errDied)
		switch {
		case op.call.read && op.ended == 0: // it was broken off
			continue
		case !op.call.read && unknown && !slices.Contains(final[op.stream], op.call.ids[0]): // it never happened
			continue
		case !op.call.read && !unknown && err != nil && !errors.Is(err, eventlog.ErrConflict): // it was refused; that nothing of it is recorded is checked elsewhere
			continue
		}
		ended := op.ended
		if !op.call.read && unknown {
			ended = math.MaxInt64
		}
		streams[op.stream] = append(streams[op.stream], porcupine.Operation{Input: op.call, Output: op.answer, Call: op.begun, Return: ended})
	}
	for stream, ids := range final {
		streams[stream] = append(streams[stream], porcupine.Operation{Input: logCall{read: true}, Output: logAnswer{ids: ids}, Call: h.clock + 1, Return: h.clock + 2})
	}
	for stream, ops := range streams {
		wrong = append(wrong, judged("the calls of the log for stream "+stream, logModel(), ops)...)
	}
	return wrong
}

// patience is how long one stream may be thought about.
const patience = 30 * time.Second

func judged(what string, model porcupine.Model, ops []porcupine.Operation) []string {
	switch porcupine.CheckOperationsTimeout(model, ops, patience) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return []string{what + ": it takes too long to say whether they are linearizable"}
	default:
		return []string{what + " are not linearizable"}
	}
}
