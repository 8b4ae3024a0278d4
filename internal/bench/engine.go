// Package bench compares feature-flag engines in one process on one dataset.
//
// The dataset is engine-neutral. Every peer file (peer_*.go) translates it to
// that engine's own configuration format and reports answers as booleans, so
// that the same question is asked of everybody and answers can be checked.
package bench

import "github.com/assayhq/assay/internal/bench/dataset"

// The users, flags and whole of the data that every engine answers for.
type (
	User    = dataset.User
	Dataset = dataset.Dataset
	Flag    = dataset.Flag
)

const (
	Const     = dataset.Const
	Split     = dataset.Split
	Rules     = dataset.Rules
	Segment   = dataset.Segment
	NUsers    = dataset.NUsers
	NBulk     = dataset.NBulk
	segmentID = dataset.SegmentID
)

var Users, Main, Bulk = dataset.Users, dataset.Main, dataset.Bulk

// Instance is a loaded engine.
type Instance interface {
	// Bool evaluates with the pre-built native context of user u (u < NUsers).
	Bool(flag string, u int) bool
	// Fresh builds the native context from u first, as a web request would.
	Fresh(flag string, u *User) bool
}

// Bulker is implemented by engines that have an evaluate-all call.
// It returns the number of flags in the answer.
type Bulker interface {
	All(u int) int
}

// Peer is a named engine factory.
type Peer struct {
	Name, Version string
	API           string // "native", "of" (official OpenFeature provider) or "of-adapter" (thin one written here)
	Bulk          bool   // the engine has an evaluate-all call (its Instance is a Bulker)
	New           func(d Dataset) (Instance, error)
}

// Peers lists everybody who is compared, each with every way in.
func Peers() (all []Peer) {
	add := func(p Peer) { all = append(all, p) }
	for _, peers := range []func(add func(Peer)){
		floorPeers, constantPeers, assayPeers, devcyclePeers, flagdPeers, gofeatureflagPeers, growthbookPeers, harnessPeers, launchdarklyPeers,
		posthogPeers, statsigPeers, unleashPeers,
	} {
		peers(add)
	}
	return all
}
