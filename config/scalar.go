package config

import (
	"go.yaml.in/yaml/v4"
)

// scalar is a value without structure, its references replaced.
type scalar struct {
	text string
	// typed tells whether text may stand for something else than text: it was written without quotes, or it has references.
	typed bool
	// hidden tells whether messages must not show it, sensitivity how much of it where they may.
	hidden      bool
	sensitivity sensitivity
}

// scalar reads n, which must be what is said. It notes at its place where the value is from.
func (d *decoder) scalar(n *yaml.Node, at *place, what string) (scalar, bool) {
	if n.Kind != yaml.ScalarNode {
		d.faultf(at, "is %s, must be %s", kindOf(n), what)
		return scalar{}, false
	}
	if n.Style&yaml.TaggedStyle != 0 || n.Tag == "!" {
		d.faultf(at, "has the tag %s; write the value without a tag", abbreviated(n.Tag))
		return scalar{}, false
	}
	got, err := d.env.interpolate(n.Value)
	if err != nil {
		for _, problem := range each(err) {
			d.faultf(at, "%v", problem)
		}
		return scalar{}, false
	}
	if got.references {
		at.written = n
		at.secret = got.fromFile || got.sensitive || at.sensitivity != public
	}
	s := scalar{text: got.value, typed: n.Style&quotedStyles == 0 || got.references, sensitivity: at.sensitivity}
	s.hidden = at.secret || at.sensitivity >= certain
	if s.hidden {
		d.secrets = append(d.secrets, s.text)
	}
	d.secrets = append(d.secrets, secretsIn(s.text, at.sensitivity)...)
	return s, true
}

const quotedStyles = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// String returns the value as messages show it.
func (s scalar) String() string {
	switch {
	case s.hidden:
		return "a value that is not shown"
	case s.text == "":
		return "empty"
	case s.typed && (isNumber(s.text) || isBool(s.text)):
		return abbreviated(s.text)
	default:
		return quoted(abbreviated(withoutSecrets(s.text, s.sensitivity)))
	}
}

// describe is how messages show what was written.
func describe(n *yaml.Node, at *place) string {
	if n.Kind != yaml.ScalarNode {
		return kindOf(n)
	}
	s := scalar{text: n.Value, typed: n.Style&quotedStyles == 0, hidden: at.sensitivity != public}
	return s.String()
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	default:
		return "a single value"
	}
}
