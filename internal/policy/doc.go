// Package policy holds the loops that act by themselves: they look at the read models at intervals, and give commands when something is
// due. It is for internal/app, which runs them.
//
// # The model
//
// A loop decides nothing of its own: it asks a pure function whether something is due at an instant, and gives the command that the
// aggregate judges. Every node of an installation runs every loop. Command ids are derived from what is due, and deciders record
// nothing for what has happened, so the second node's command changes nothing; nor does one that is repeated after a crash.
package policy
