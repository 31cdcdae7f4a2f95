package config

import (
	"fmt"
	"reflect"
	"slices"
)

// configurable returns why t cannot be the configuration of a component; none when it can.
func configurable(t reflect.Type) []string {
	faults := configurableSection(t)
	if t.Kind() == reflect.Struct && slices.Contains(keysOf(fieldsOf(t)), "type") {
		faults = append(faults, fmt.Sprintf(`%s has a field with the key "type", which is the type of a component; give it another key`, t))
	}
	return faults
}

// configurableSection returns why t cannot be a mapping of a configuration; none when it can.
func configurableSection(t reflect.Type) []string {
	if t.Kind() != reflect.Struct || isText(t) {
		return []string{fmt.Sprintf("its configuration is a %s, must be a struct", t)}
	}
	return configurableValue(t, nil)
}

func configurableValue(t reflect.Type, around []reflect.Type) []string {
	if slices.Contains(around, t) {
		return []string{fmt.Sprintf("a %s contains itself; a configuration has a fixed depth", t)}
	}
	around = append(slices.Clone(around), t)
	if isDuration(t) || isText(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return nil
		}
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return configurableValue(t.Elem(), around)
		}
	case reflect.Map:
		if t.Key().Kind() == reflect.String && !isText(t.Key()) {
			return configurableValue(t.Elem(), around)
		}
	case reflect.Pointer:
		if t.Elem().Kind() != reflect.Pointer {
			return configurableValue(t.Elem(), around)
		}
	case reflect.Struct:
		return configurableFields(t, around)
	default:
	}
	return []string{fmt.Sprintf(`a %s cannot be configured; use another type or leave it out with yaml:"-"`, t)}
}

func configurableFields(t reflect.Type, around []reflect.Type) []string {
	var faults, keys []string
	for _, f := range fieldsOf(t) {
		if slices.Contains(keys, f.key) {
			faults = append(faults, fmt.Sprintf("%s has two fields with the key %q", t, f.key))
		}
		keys = append(keys, f.key)
		tag := t.FieldByIndex(f.index).Tag.Get("secret")
		if _, known := secretTag(tag); !known {
			faults = append(faults, fmt.Sprintf(`%s: has the tag secret:%q, must be value, url or arguments`, f.key, tag))
		}
		for _, fault := range configurableValue(f.typ, around) {
			faults = append(faults, f.key+": "+fault)
		}
	}
	return faults
}
