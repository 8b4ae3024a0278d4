package flags

import (
	"slices"
	"strings"
)

// by says where a unit id is: in an attribute, or in a member of one.
type by struct {
	attribute string   // empty for the targeting key
	path      []string // into the attribute, where that is an object
}

// newBy reads what Split.By says: an attribute, or "/organisation/key" for the member key of the attribute organisation. A
// name with a slash at its beginning and no other is an attribute's.
func newBy(name string) by {
	if name == TargetingKey {
		return by{}
	}
	attribute, path := ByPath(name)
	return by{attribute: attribute, path: path}
}

// ByPath takes apart what Split.By and Slice.By say: the attribute, and the way into it where it is an object. A way is
// written as RFC 6901 does, "/organisation/key", with ~1 for a slash and ~0 for a tilde in a name.
func ByPath(name string) (attribute string, path []string) {
	if !strings.HasPrefix(name, "/") || strings.Count(name, "/") < 2 {
		return name, nil
	}
	steps := strings.Split(name[1:], "/")
	for i, s := range steps {
		steps[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
	}
	return steps[0], steps[1:]
}

// unit is the id; empty when it is not known.
func (b *by) unit(who *Subject) string {
	if b.attribute != "" {
		return b.named(who)
	}
	return who.key()
}

func (b *by) named(who *Subject) string {
	value := who.attribute(b.attribute)
	for _, step := range b.path {
		members, _ := value.(map[string]any)
		value = members[step]
	}
	return unitOf(value)
}

// isNested reports whether the unit id lies in an object, which programs of the first formats do not look into.
func isNested(name string) bool {
	_, path := ByPath(name)
	return len(path) > 0
}

func (n *needs) slices(all []Slice) {
	n.when(slices.ContainsFunc(all, func(s Slice) bool { return isNested(s.By) }), requiresPaths)
	n.when(slices.ContainsFunc(all, func(s Slice) bool { return s.Strings != "" }), requiresStrings)
}
