// Package jsonlogic evaluates targeting expressions as flagd's Go evaluator does (flagd core 0.16.1, the engine of the daemon
// and of the in-process providers): JSONLogic with flagd's fractional, sem_ver, starts_with and ends_with. It is for the
// engine, which keeps a flagd rule that its own conditions cannot express, and for whoever must refuse a rule that cannot work.
//
// # The model
//
// Compile reads an expression once; Evaluate is a pure function of the compiled expression and an Input. What flagd takes from
// the clock, $flagd.timestamp, is an argument; what its evaluator answers by panicking and recovering is an error here. The
// oddities of that evaluator are kept, because they decide what people see: variables of an enclosing filter win over those of
// the element, cat trims its result, a number is never in a list with a boolean. Two things differ on purpose:
//
//   - Data are never rules. flagd evaluates an object that a context brings along when it ends up in a branch of if; here it
//     is an object.
//   - Work is bounded. An expression that takes more than a million steps, or makes a text of more than a mebibyte, is an error.
package jsonlogic
