// Package modelcheck has no code, only the check of the whole write and read path against a model: random histories of
// commands from several clients, through internal/command, on a log on which everything goes wrong that can, with read models
// and subscribers following. It is for whoever changes an adapter of the log, internal/command, the Runner or a read model.
//
// # The model
//
// A seed makes a history: what each client asks for, which appends are refused, lose their answer or are never recorded, when
// the disk refuses to sync, when the power is cut in the middle of an append, when a read model is rebuilt. On the log in
// memory and on the embedded log one goroutine runs at a time and the seed chooses which, at every call of the log, while time
// stands still. In memory a seed brings the same history back, turn by turn. The embedded log has goroutines of its own, so
// there it brings back the commands and the faults, and the turns up to one that its own goroutines decided; a failing seed
// is therefore to be repeated a few times. On the client of EventStoreDB calls take the time that the network takes.
//
// What is checked afterwards:
//   - Calls of the log are linearizable for each stream (an append is at its expected revision, a read sees what is there),
//     and so are whole commands, with the deciders as the model: the answer to every command is one that its aggregate gives at
//     some moment between asking and answering.
//   - Whoever follows the log, over restarts, sees exactly the log, each event once, in order. Who subscribes to a ruleset
//     never goes back, sees only what the log says at that revision, whether he takes changes or the whole, and ends at the end.
//   - Read models equal the fold of the log, at the end and whenever somebody looks.
//   - What was acknowledged is in the log exactly once, with exactly these events; what was refused is not there.
//
// And that the check can fail: logs and services with one flaw each are found out.
package modelcheck
