// Package experiment is the aggregate of experiments: a hypothesis, the plan to test it, and what was decided.
//
// # The model
//
// draft -> running -> stopped -> decided (a running experiment may be decided at once). The plan may change freely in draft.
// Start freezes it: what is recorded in Started is the pre-registered plan for ever. Later changes are amendments, each
// with who, why and when; they never touch the flag, the environment, the unit or the arms, because that would be
// another experiment.
//
// Arms are variants of the flag; the first is the control. While it runs, the flag serves the arms (flag.AttachExperiment);
// internal/command keeps the two streams in step.
package experiment
