package facts

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// olderVersions are the folders of older versions beside this one's.
func olderVersions(d disk, dir string) ([]string, error) {
	names, err := d.List(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the folder of the facts: %w", err)
	}
	var older []string
	for _, name := range names {
		number, isVersion := strings.CutPrefix(name, "v")
		if n, err := strconv.Atoi(number); isVersion && err == nil && n >= 0 && n < version {
			older = append(older, filepath.Join(dir, name))
		}
	}
	return older, nil
}

// removeOlder removes the facts of older versions, once this version has read the log to its end and sealed what it found: until
// then one can go back to the older program at no cost, and after it nothing that the log has lost to retention lives on in them.
func (s *Store) removeOlder() {
	var left []string
	for _, dir := range s.older {
		if err := s.disk.RemoveAll(dir); err != nil {
			s.hear(fmt.Errorf("the facts of an older version are still on disk: %w", err))
			left = append(left, dir)
		}
	}
	s.older = left
}
