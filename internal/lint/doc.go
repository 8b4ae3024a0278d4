// Package lint holds house rules that are Go tests: who may know whom, also through others, and that the past stays readable.
// It has no code of its own.
package lint
