// Package archive keeps whole logs: it backs them up and restores them, writes them to a portable file and reads it, and moves
// them from one engine to another. It is for the subcommands of operators and for the server's backup.
//
// # The model
//
// A log is a sequence of entries; two logs are the same when their chains are (see eventlog.Hash). Everything here copies
// entries in their order with ids, revisions and metadata, takes up what an earlier run has begun, and compares chains before
// it says that it is done. Nothing is decided here: it is history that is written, which is why this package, beside
// internal/command, may append.
package archive
