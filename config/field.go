package config

import (
	"encoding"
	"reflect"
	"slices"
	"strings"
	"time"
)

// field is a field of a struct that is written in YAML.
type field struct {
	key   string
	index []int
	typ   reflect.Type
	// secret is what its tag says.
	secret sensitivity
}

// fieldsOf goes by yaml tags like the YAML library: a field's key is its name in lower case unless the tag says otherwise,
// "-" leaves it out, and the fields of an inline struct belong to the one around it.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		inline := slices.Contains(strings.Split(options, ","), "inline")
		switch {
		case key == "-" || !f.IsExported() && (!inline || !f.Anonymous):
			continue
		case inline && f.Type.Kind() == reflect.Struct:
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				fields = append(fields, inner)
			}
			continue
		case key == "":
			key = strings.ToLower(f.Name)
		}
		secret, _ := secretTag(f.Tag.Get("secret")) // configurable has reported one that is not known
		fields = append(fields, field{key: key, index: []int{i}, typ: f.Type, secret: secret})
	}
	return fields
}

func keysOf(fields []field) []string {
	keys := make([]string, len(fields))
	for i := range fields {
		keys[i] = fields[i].key
	}
	return keys
}

func isDuration(t reflect.Type) bool { return t == reflect.TypeFor[time.Duration]() }

// isText tells whether values of t are written as text that they read and write themselves.
func isText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) && p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}
