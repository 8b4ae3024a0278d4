package ruleset

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/assayhq/assay/domain"
	"github.com/assayhq/assay/eventlog"
	"github.com/assayhq/assay/flags"
)

// serve puts an environment together.
func (in *projectState) serve(place Place, revision eventlog.Position) (*Served, error) {
	number := strconv.FormatUint(uint64(revision), 10)
	out := &Served{
		Snapshot: flags.Snapshot{
			Format: flags.Format, Project: string(place.Project), Environment: string(place.Environment), Revision: uint64(revision),
			Flags: []flags.Flag{},
		},
		ETag: `"rs-` + number + `"`, Revision: revision,
	}
	text, err := json.Marshal(out.Snapshot)
	if err != nil {
		return nil, err
	}
	var list bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(in.flags)) {
		s, served := in.flags[key].shapes[place.Environment]
		if !served {
			continue
		}
		if len(out.Snapshot.Flags) > 0 {
			list.WriteByte(',')
		}
		list.Write(s.text)
		out.Snapshot.Flags = append(out.Snapshot.Flags, s.flag)
	}
	// The flags are the last field, so their texts, which are made once, go between the brackets of the empty list.
	out.JSON = slices.Concat(bytes.TrimSuffix(text, []byte("]}")), list.Bytes(), []byte("]}"))
	if out.Ruleset, err = flags.Compile(out.Snapshot); err != nil {
		return nil, err
	}
	for _, problem := range out.Ruleset.Problems() {
		f := in.flags[domain.FlagKey(problem.Flag)]
		out.problems = append(out.problems, Problem{
			Stream: f.stream, Position: eventlog.Position(f.shapes[place.Environment].flag.Revision),
			Detail: "in " + string(place.Environment) + " it does not compile: " + problem.Detail,
		})
	}
	return out, nil
}
