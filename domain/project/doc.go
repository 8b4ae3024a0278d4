// Package project is the aggregate of projects: a product, its environments, and the roof over its flags, metrics and
// experiments.
package project
