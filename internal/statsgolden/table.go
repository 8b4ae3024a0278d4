package main

import "maps"

// methods is the table of all methods, put together from one part per area of stats.
func methods() map[string]method {
	out := map[string]method{}
	for _, area := range []map[string]method{
		coreMethods(),
		sequentialMethods(),
		bayesMethods(),
		designMethods(),
		trustMethods(),
	} {
		maps.Copy(out, area)
	}
	return out
}
