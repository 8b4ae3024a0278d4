package flag_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/domain/domaintest"
	"github.com/assayhq/assay/domain/flag"
)

func metadata(name, value string) flag.Metadata {
	return flag.Metadata{{Name: name, Value: raw(value)}}
}

func TestMetadataOfAFlag(t *testing.T) {
	owned := flag.MetadataChanged{Metadata: metadata("owner", `"checkout"`)}
	change := func(m flag.Metadata) flag.Command { return flag.ChangeMetadata{Metadata: m} }
	many := flag.Metadata{}
	for i := range 51 {
		many = append(many, flag.Metadatum{Name: fmt.Sprint(i), Value: raw("1")})
	}
	domaintest.Run(t, flag.Aggregate, []spec{
		{
			Name: "a flag can be created with metadata",
			When: flag.Create{Project: "shop", Key: "checkout", Name: "Checkout", Type: flag.Boolean, Metadata: metadata("owner", ` "checkout"`)},
			Then: events{created(), owned},
		},
		{Name: "they change as a whole, sorted by name", Given: events{created(), owned}, When: change(flag.Metadata{
			{Name: "b", Value: raw("1.0")}, {Name: "a", Value: raw("false")},
		}), Then: events{flag.MetadataChanged{Metadata: flag.Metadata{{Name: "a", Value: raw("false")}, {Name: "b", Value: raw("1.0")}}}}},
		{Name: "the same are nothing to record", Given: events{created(), owned}, When: change(metadata("owner", `"checkout"`))},
		{Name: "all of them can go", Given: events{created(), owned}, When: change(nil), Then: events{flag.MetadataChanged{}}},
		{Name: "lists are refused", Given: events{created()}, When: change(metadata("a", "[1]")), Refused: "wrong_metadata_value"},
		{Name: "null is refused", Given: events{created()}, When: change(metadata("a", "null")), Refused: "wrong_metadata_value"},
		{Name: "what is no JSON is refused", Given: events{created()}, When: change(metadata("a", "a")), Refused: "wrong_metadata_value"},
		{Name: "long values are refused", Given: events{created()}, When: change(metadata("a", `"`+strings.Repeat("x", 1_000)+`"`)), Refused: "wrong_metadata_value"},
		{Name: "names are needed", Given: events{created()}, When: change(metadata("", "1")), Refused: "wrong_metadata_name"},
		{Name: "a name is there once", Given: events{created()}, When: change(append(metadata("a", "1"), metadata("a", "2")...)), Refused: "wrong_metadata_name"},
		{Name: "what evaluations say themselves is refused", Given: events{created()}, When: change(metadata("experiment", `"x"`)), Refused: "reserved_metadata"},
		{Name: "too many are refused", Given: events{created()}, When: change(many), Refused: "too_many_metadata"},
		{Name: "a flag can't be created with what is refused", When: flag.Create{Project: "shop", Key: "checkout", Type: flag.Boolean, Metadata: metadata("stale", "1")}, Refused: "reserved_metadata"},
		{Name: "an archived flag keeps its metadata", Given: archived(), When: change(nil), Refused: "archived"},
	})
}
