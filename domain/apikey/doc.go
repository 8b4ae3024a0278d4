// Package apikey is the aggregate of API keys: who may call what, without ever holding the secret itself.
//
// # The model
//
// A key has an id (no secret), a kind and a scope, and the SHA-256 of its secret. A secret is 256 random bits made by the
// caller of Issue and shown once, so a fast hash protects it. An admin key without a project may do everything; with a
// project, everything in it. A server key reads the full ruleset of its environment and sends facts; a client key, which
// travels in apps, only evaluates and sends facts.
package apikey
