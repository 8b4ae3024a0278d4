// Package layer is the aggregate of layers: a layer divides all units among experiments, so that nobody is in two of them. It
// is for the command side, which gives an experiment its part when it starts and takes it back when it ends.
//
// # The model
//
// A layer has a salt of its own and Total buckets. An experiment has ranges of them, which it keeps as long as it runs; what
// is given back can be given to another. Where an experiment's units are in the layer says nothing about the arm they get,
// because that is decided by the experiment's own salt.
package layer
