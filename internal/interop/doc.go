// Package interop holds assay against the libraries of others: flagd's own evaluator and providers, and the SDKs that flags are
// imported from. It is a module of its own, so that none of them becomes a dependency of assay; its tests are all it has.
package interop
