// Package gherkin runs the evaluation scenarios of the OpenFeature specification against the Go provider, through the SDK.
// The scenarios are the specification's (testdata/README.md says which), the step definitions are ours. It is a module of its
// own so that the runner becomes a dependency of nobody.
package gherkin
