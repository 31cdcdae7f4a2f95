package config

import (
	"slices"

	"go.yaml.in/yaml/v4"
)

// entry is a key of a mapping with its value.
type entry struct {
	key            string
	keyNode, value *yaml.Node
}

// position is where faults of the value are reported: at a scalar, or at the key of what stretches over lines.
func (e entry) position() *yaml.Node {
	if e.value.Kind == yaml.MappingNode || e.value.Kind == yaml.SequenceNode || isNull(e.value) {
		return e.keyNode
	}
	return e.value
}

// entries returns the keys of a mapping: first those that are written in it, then those that are merged into it. Null is
// an empty mapping. what says what n must be for the case that it is no mapping.
func (d *decoder) entries(n *yaml.Node, at *place, what string) []entry {
	n, ok := d.enter(n, at)
	if !ok {
		return nil
	}
	defer d.leave()
	if n.Kind != yaml.MappingNode {
		if !isNull(n) {
			d.faultf(at, "is %s, must be %s", describe(n, at), what)
		}
		return nil
	}
	var own []entry
	var merged []*yaml.Node
	lines := map[string]int{}
	for pair := range slices.Chunk(n.Content, 2) {
		key := followed(pair[0])
		switch line, twice := lines[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			d.faultAtf(pair[0], at, "has a key that is %s, must be text", kindOf(key))
		case key.Tag == "!!merge":
			merged = append(merged, pair[1])
		case twice:
			d.faultAtf(pair[0], at, "has the key %s twice, first in line %d; keep one", quoted(abbreviated(key.Value)), line)
		default:
			lines[key.Value] = pair[0].Line
			own = append(own, entry{key: key.Value, keyNode: pair[0], value: pair[1]})
		}
	}
	return d.merge(own, lines, merged, at)
}

// merge adds what merge keys bring; of two values for a key the first counts.
func (d *decoder) merge(own []entry, lines map[string]int, merged []*yaml.Node, at *place) []entry {
	for _, value := range merged {
		sources := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			sources = value.Content
		}
		for _, source := range sources {
			if followed(source).Kind != yaml.MappingNode {
				d.faultAtf(source, at, "merges something that is not a mapping with <<; write <<: *name, or <<: [*one, *other]")
				continue
			}
			for _, e := range d.entries(source, at, "a mapping") {
				if _, written := lines[e.key]; !written {
					lines[e.key] = e.keyNode.Line
					own = append(own, e)
				}
			}
		}
	}
	return own
}

// followed is what an alias stands for.
func followed(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
