// Package flag is the aggregate of feature flags: what can be asked of a flag, what can have happened to it, and the law
// between the two. It is for the command side and for projections; serving decisions is the business of package flags.
//
// # The model
//
// A flag has a type, named variants (values of that type), and in every environment of its project a switch and a
// Targeting. Off, an environment serves the off variant. On, it serves the first rule whose conditions hold, else the
// attached experiment's split, else the default. The flag does not know which environments exist; one that was never
// touched is off and serves what Created says.
//
// An experiment that runs on the flag is attached to it in one environment, at most one at a time. The arms are recorded
// in the flag's own stream, so that this stream alone says what is served.
package flag
