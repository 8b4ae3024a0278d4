// Package flagdsync translates between rulesets and flagd's flag definitions (flagd-schemas 0.2.13). It is for the servers of
// flagd's sync protocol, whose clients decide in their own process, and for people who keep flags in files of flagd's.
//
// # The model
//
// Export writes a snapshot as definitions whose evaluation gives every subject the variant that the engine gives it: the
// default algorithm is flagd's fractional, so nobody moves. Comparisons are guarded, because JSONLogic converts what the engine
// keeps apart. Nothing is dropped in silence: a flag that the format cannot express is there, its evaluation is an error that
// the application sees, its metadata say why, and so does Set.Problems.
//
// Read turns a file of definitions into a snapshot that is decided exactly as flagd does; its rules stay expressions.
//
// # What is not the same
//
// A flag that is off has the reason STATIC instead of DISABLED, because a disabled flag of flagd's has no value; a split has the
// reason TARGETING_MATCH, because flagd knows no SPLIT; a split that lacks its unit id is an error of the code GENERAL instead of
// TARGETING_KEY_MISSING. flagd's Go evaluator trims the bucket key, so unit ids that end in white space may be assigned
// otherwise; its JavaScript evaluator hashes UTF-16 instead of UTF-8, so ids beyond ASCII are, and fails where a list or an
// object is compared with a number.
package flagdsync
