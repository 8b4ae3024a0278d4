package flagimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ldFile is a file as the SDKs get it.
type ldFile struct {
	Flags    map[string]json.RawMessage `json:"flags"`
	Segments map[string]json.RawMessage `json:"segments"`
}

// ldParse reads either form. The REST API has a flag's variations beside its environments, and lists.
func ldParse(text []byte, o Options) (ldFile, error) {
	var file ldFile
	var listed struct {
		Items    []json.RawMessage `json:"items"`
		Segments []json.RawMessage `json:"segments"`
	}
	if err := json.Unmarshal(text, &file); err == nil && file.Flags != nil {
		return file, nil
	}
	if err := json.Unmarshal(text, &listed); err != nil || listed.Items == nil {
		return ldFile{}, errors.Join(errors.New(`the file is no data of LaunchDarkly's; it has "flags" as its SDKs get them, or "items" as its REST API answers`), err)
	}
	file = ldFile{Flags: map[string]json.RawMessage{}, Segments: map[string]json.RawMessage{}}
	for _, item := range listed.Items {
		key, flag, err := ldItem(item, o.Environment)
		if err != nil {
			return file, err
		}
		file.Flags[key] = flag
	}
	for _, item := range listed.Segments {
		var named struct{ Key string }
		if json.Unmarshal(item, &named) == nil && named.Key != "" {
			file.Segments[named.Key] = item
		}
	}
	return file, nil
}

// ldItem is a flag of the REST API's in one environment, as the SDKs get it.
func ldItem(text json.RawMessage, environment string) (key string, flag json.RawMessage, err error) {
	var item struct {
		Key        string `json:"key"`
		Variations []struct {
			Value json.RawMessage `json:"value"`
		} `json:"variations"`
		Environments map[string]map[string]json.RawMessage `json:"environments"`
	}
	if err := json.Unmarshal(text, &item); err != nil {
		return "", nil, fmt.Errorf("a flag cannot be read: %w", err)
	}
	names := slices.Sorted(maps.Keys(item.Environments))
	if environment == "" && len(names) == 1 {
		environment = names[0]
	}
	setting, there := item.Environments[environment]
	if !there {
		return "", nil, fmt.Errorf("the flag %s has the environments %s; name one of them with --source-environment", item.Key, strings.Join(names, ", "))
	}
	values := make([]json.RawMessage, len(item.Variations))
	for i, v := range item.Variations {
		values[i] = v.Value
	}
	out := maps.Clone(setting)
	out["variations"] = raw(values)
	return item.Key, raw(out), nil
}
