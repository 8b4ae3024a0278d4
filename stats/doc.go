// Package stats is the statistics of experiments: pure functions from sufficient statistics to effects, intervals and checks. It
// is for internal/analysis, and for anybody who wants to recompute what a report says.
//
// # The model
//
// A metric in an arm is a Proportion (units that converted) or Moments (number, mean and variance of a value per unit). Both can
// be merged, so any slice of time or segment is a sum of parts. A comparison takes control and treatment and returns an Effect:
// always treatment - control, two-sided. One critical value drives its p, its interval and its relative interval, so the three
// never contradict each other.
//
// Input that cannot be judged is an *Error with a kind, never a number that looks like a result.
package stats
