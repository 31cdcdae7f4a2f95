package deepcopy

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"sync"
)

// CallsMethods reports whether to copy v, or to encode it as JSON, may run methods that are not the standard library's: they may
// panic, or not return. What it cannot see from the types it takes for one that does. It runs none of them.
func CallsMethods(v any) bool { return callsMethods(v, maxDepth) }

// maxDepth bounds how deep it looks into values without types of their own, which may contain themselves.
const maxDepth = 100

func callsMethods(v any, depth int) bool {
	switch v := v.(type) {
	case nil, string, bool, int, int64, float64, []byte, json.RawMessage, json.Number, map[string]string:
		return false
	case []any:
		return depth == 0 || slices.ContainsFunc(v, func(one any) bool { return callsMethods(one, depth-1) })
	case map[string]any:
		for _, one := range v {
			if depth == 0 || callsMethods(one, depth-1) {
				return true
			}
		}
		return false
	}
	t := reflect.TypeOf(v)
	if known, ok := methodsKnown.Load(t); ok {
		return known.(bool) //nolint:forcetypeassert // nothing else is stored
	}
	calls := typeCalls(t, map[reflect.Type]bool{})
	methodsKnown.Store(t, calls)
	return calls
}

var methodsKnown sync.Map //nolint:gochecknoglobals // of reflect.Type to bool; what a type is never changes

// wellBehaved reports whether the types of a package have such methods that are known to return.
func wellBehaved(path string) bool {
	switch path {
	case "database/sql", "encoding/json", "math/big", "net", "net/netip", "net/url", "time":
		return true
	default:
		return false
	}
}

// typeCalls looks through t and what it consists of; seen ends it where types contain themselves.
func typeCalls(t reflect.Type, seen map[reflect.Type]bool) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if seen[t] || wellBehaved(t.PkgPath()) {
		return false
	}
	seen[t] = true
	if hasMethods(t) || hasMethods(reflect.PointerTo(t)) {
		return true
	}
	switch t.Kind() {
	case reflect.Interface:
		return true // whatever is in it
	case reflect.Slice, reflect.Array:
		return typeCalls(t.Elem(), seen)
	case reflect.Map:
		return typeCalls(t.Key(), seen) || typeCalls(t.Elem(), seen)
	case reflect.Struct:
		for field := range t.Fields() {
			if typeCalls(field.Type, seen) {
				return true
			}
		}
	default:
	}
	return false
}

func hasMethods(t reflect.Type) bool {
	_, clones := t.MethodByName("Clone")
	return clones || t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}
