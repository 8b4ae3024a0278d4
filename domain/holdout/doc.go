// Package holdout is the aggregate of holdouts: a part of all units that is held back from whatever the flags that name the
// holdout would serve, so that what all of it together does can be measured later. It is for the command side and for the
// rulesets, which join it with the flags.
//
// # The model
//
// A holdout holds the units of the buckets [0, share) of its own salt back. Changing the share moves nobody but those between
// the old and the new one. Archived, it holds nobody back.
package holdout
