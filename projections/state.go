package projections

import "crypto/sha256"

// Hashed is a projection that can say in one number what its state is, so that a replay elsewhere can be compared with it.
type Hashed interface {
	Projection
	// StateHash returns a SHA-256 that depends on everything the projection answers and on nothing else, and the position
	// of exactly that state. The same events up to the same position give the same hash, live or rebuilt.
	StateHash() (Position, [sha256.Size]byte, error)
}
