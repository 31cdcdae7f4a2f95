package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// structure decodes a mapping onto a struct, whose other fields keep their values.
func (d *decoder) structure(n *yaml.Node, into reflect.Value, at *place) {
	fields := fieldsOf(into.Type())
	keys := keysOf(fields)
	for _, e := range d.entries(n, at, "a mapping") {
		d.field(e, fields, keys, into, at)
	}
}

func (d *decoder) field(e entry, fields []field, keys []string, into reflect.Value, at *place) {
	for _, f := range fields {
		if f.key == e.key {
			value := at.child(e.key, e.position())
			value.sensitivity = f.under(at.sensitivity)
			d.value(e.value, into.FieldByIndex(f.index), value)
			return
		}
	}
	d.faultAtf(e.keyNode, at, "%s", unknown("key", "keys", e.key, keys))
}

// list decodes a list in place of the one that into holds.
func (d *decoder) list(n *yaml.Node, into reflect.Value, at *place) {
	if n.Kind != yaml.SequenceNode {
		d.faultf(at, "is %s, must be a list", describe(n, at))
		return
	}
	list := reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content))
	for i, element := range n.Content {
		d.value(element, list.Index(i), at.child(fmt.Sprintf("[%d]", i), element))
	}
	into.Set(list)
}

// dictionary decodes a mapping in place of the one that into holds.
func (d *decoder) dictionary(n *yaml.Node, into reflect.Value, at *place) {
	entries := d.entries(n, at, "a mapping")
	dictionary := reflect.MakeMapWithSize(into.Type(), len(entries))
	for _, e := range entries {
		value := reflect.New(into.Type().Elem()).Elem()
		d.value(e.value, value, at.child(e.key, e.position()))
		dictionary.SetMapIndex(reflect.ValueOf(e.key).Convert(into.Type().Key()), value)
	}
	into.Set(dictionary)
}

// anything decodes a value by what it looks like: a mapping, a list, a number, a truth value or text.
func (d *decoder) anything(n *yaml.Node, into reflect.Value, at *place) {
	switch n.Kind {
	case yaml.MappingNode:
		var dictionary map[string]any
		d.dictionary(n, reflect.ValueOf(&dictionary).Elem(), at)
		into.Set(reflect.ValueOf(dictionary))
	case yaml.SequenceNode:
		var list []any
		d.list(n, reflect.ValueOf(&list).Elem(), at)
		into.Set(reflect.ValueOf(list))
	default:
		if s, ok := d.scalar(n, at, "a value"); ok {
			into.Set(reflect.ValueOf(guess(s.text, n.Style&quotedStyles != 0)))
		}
	}
}

// guess makes of text what YAML would: quoted, it is text.
func guess(text string, quoted bool) any {
	switch {
	case quoted:
		return text
	case isBool(text):
		return strings.EqualFold(text, "true")
	case isInteger(text):
		if value, err := strconv.Atoi(text); err == nil {
			return value
		}
	}
	if isNumber(text) {
		if value, err := parseFloat(text, 64); err == nil {
			return value
		}
	}
	return text
}
