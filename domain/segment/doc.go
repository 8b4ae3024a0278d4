// Package segment is the aggregate of segments: named sets of subjects that flags ask for. It is for the command side and for
// projections; package flags decides who is a member.
//
// # The model
//
// A segment has two lists of unit ids and rules. Whoever is listed as included is a member; else whoever is listed as excluded
// is none; else whoever a rule finds is one. Lists can be long, up to a million ids each, so they change by what is added and
// removed, some thousands at a time, and the state keeps those changes: only a command on a list puts it together.
package segment
