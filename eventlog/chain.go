package eventlog

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Hash is a SHA-256: of one event (Digest) or of all events up to one (the chain).
//
// # The chain
//
// The chain starts at the zero Hash; each event turns it into Link of the chain before and the event's Digest. It is a
// function of the events and their order alone: engine, positions and the clock of the log have no part in it, so the same
// events in the same order give the same head on every engine, and who keeps a head elsewhere can tell later that nothing
// before it was changed, removed, added or exchanged.
type Hash [sha256.Size]byte

// String formats the hash as 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText makes the hash a JSON string.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return fmt.Errorf("%w: a hash is %d hexadecimal digits, not %q", ErrInvalid, 2*len(h), text)
	}
	copy(h[:], b)
	return nil
}

// Link returns the chain after one more event.
func (h Hash) Link(digest Hash) Hash {
	var both [2 * sha256.Size]byte
	copy(both[:], h[:])
	copy(both[sha256.Size:], digest[:])
	return sha256.Sum256(both[:])
}

// Digest returns the hash of an event of a stream: of what AppendCanonical writes.
func Digest(stream string, e Event) Hash {
	return sha256.Sum256(AppendCanonical(nil, stream, e))
}

// AppendCanonical adds the one encoding of an event that is hashed, and that never changes:
//
//	id 16 bytes | length of the header 4, big-endian | header | data
//
// where the header is stream, type, number of metadata pairs, then the pairs in the order of their names; texts have their
// length in front, and lengths and the number are unsigned varints. The revision has no part in it: it follows from the
// order of the events.
func AppendCanonical(dst []byte, stream string, e Event) []byte {
	dst = append(dst, e.ID[:]...)
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendText(dst, stream)
	dst = appendText(dst, e.Type)
	dst = binary.AppendUvarint(dst, uint64(len(e.Meta)))
	for _, name := range slices.Sorted(maps.Keys(e.Meta)) {
		dst = appendText(appendText(dst, name), e.Meta[name])
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4)) //nolint:gosec // far below 4 GiB: MaxAppendBytes
	return append(dst, e.Data...)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// Entry is a place in the log as those see it who check, save or move a whole one.
type Entry struct {
	Recorded
	// Digest is that of the event as it was written.
	Digest Hash
	// Chain is the hash of everything up to here that the log keeps with the event; zero in a log that keeps none.
	Chain Hash
	// Trimmed: retention has removed data and metadata. Stream, type, id, revision and digest are still there.
	Trimmed bool
}

// Entries yields what is in a log now, after the given position, as entries. Logs that know more of theirs than All tells
// have a method of their own for it, and are asked.
func Entries(ctx context.Context, log Log, after Position) iter.Seq2[Entry, error] {
	if own, ok := log.(interface {
		Entries(ctx context.Context, after Position) iter.Seq2[Entry, error]
	}); ok {
		return own.Entries(ctx, after)
	}
	return func(yield func(Entry, error) bool) {
		head, err := log.Head(ctx)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		if after >= head {
			return
		}
		for r, err := range log.All(ctx, after, Filter{}) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !r.IsCheckpoint() && !yield(Entry{Recorded: r, Digest: Digest(r.Stream, r.Event)}, nil) || r.Position >= head {
				return
			}
		}
	}
}
