// Package flags is the engine: it compiles a Snapshot of an environment's flags once and then decides, for any subject,
// what each flag serves. It is for the server, for the OpenFeature provider, and for Go programs that want decisions
// without an SDK in between.
//
// # The model
//
// A Snapshot is what an environment serves at one position of the log: plain data, the wire format of rulesets. Compile
// turns it into a Ruleset, which is immutable and safe for any number of goroutines. Decide is a pure function of ruleset,
// flag key and Subject: no clock, no I/O, no lock, no allocation. A flag that cannot be compiled does not take the others
// down: it answers PARSE_ERROR alone. A Delta leads from one revision to a later one; Apply compiles only what it names.
//
// Explain decides like Decide, with the same compiled parts, and tells every step of the way.
//
// The algorithm that assigns units to variants is recorded in every split. "murmur3-32/1" is MurmurHash3 x86 32-bit, seed
// 0, over the UTF-8 bytes of salt + unit id; bucket = (uint64(hash) * total) >> 32; the variant is the first whose
// cumulative weight is greater than the bucket. This equals flagd's fractional with the bucket key {"cat": [salt,
// {"var": "targetingKey"}]}. The other algorithms reproduce the buckets of other products.
package flags
