// Package e2e holds the tests that go through the front door: a running server, its public API, real clients, real experiments.
// It has no code of its own.
package e2e
