package flagimport

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/domain/flag"
)

// metadata are what the source says of a flag to the programs that evaluate it; a note tells what cannot be kept. The source's
// flagSetId and version are left out: evaluations here tell the place and the revision that they come from, and the same file would
// otherwise change a flag each time its source is released.
func (m *Import) metadata(of string, given map[string]json.RawMessage) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if name == "flagSetId" || name == "version" {
			continue
		}
		create := flag.Create{Project: someProject, Key: "any", Type: flag.Boolean, Metadata: flag.MetadataOf(map[string]json.RawMessage{name: given[name]})}
		if _, err := flag.Aggregate.Decide(flag.State{}, create, domain.Envelope{}); err != nil {
			m.note(of, "of its metadata, "+name+" is left out: "+err.Error())
			continue
		}
		out[name] = given[name]
	}
	return out
}
