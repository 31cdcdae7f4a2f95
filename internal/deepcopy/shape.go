package deepcopy

import (
	"reflect"
	"slices"
	"sync"
)

// Flat reports whether nothing can be changed through a value of type t, as far as exported fields reach: Of returns such a
// value itself.
func Flat(t reflect.Type) bool { return shapeOf(t).flat }

// shape is what a copier has to know about a type.
type shape struct {
	flat  bool    // nothing can be changed through a value, as far as exported fields reach
	clone bool    // it has a method Clone that returns its own type
	parts [][]int // of a struct, the fields that are not flat; of an array that is not flat, not nil
}

// shapes caches by reflect.Type. Types are few and never go away, so it only grows to their number.
var shapes sync.Map //nolint:gochecknoglobals // what a type is never changes; encoding/json keeps it the same way

func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape) //nolint:forcetypeassert // nothing else is stored
	}
	made, _ := shapes.LoadOrStore(t, makeShape(t))
	return made.(*shape) //nolint:forcetypeassert // as above
}

func makeShape(t reflect.Type) *shape {
	if t.Kind() != reflect.Interface && (t.Implements(reflect.TypeFor[error]()) || t.Implements(reflect.TypeFor[sync.Locker]())) {
		return &shape{flat: true} // an error is known by its identity, a lock must not be copied
	}
	s := &shape{clone: clones(t)}
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Slice, reflect.Map:
	case reflect.Struct:
		s.parts = changeable(t, nil)
		s.flat = s.parts == nil && !s.clone
	case reflect.Array:
		s.flat = t.Len() == 0 || shapeOf(t.Elem()).flat && !s.clone
		if !s.flat {
			s.parts = [][]int{}
		}
	default: // channels and functions are shared: there is no copy of them
		s.flat = true
	}
	return s
}

// changeable returns the fields of struct t that are not flat. Those of an embedded struct count as its own, also where
// the name of the embedded type is not exported.
func changeable(t reflect.Type, at []int) [][]int {
	var found [][]int
	for i := range t.NumField() {
		field := t.Field(i)
		path := slices.Concat(at, []int{i})
		switch {
		case !field.IsExported() && field.Anonymous && field.Type.Kind() == reflect.Struct:
			found = append(found, changeable(field.Type, path)...)
		case field.IsExported() && !shapeOf(field.Type).flat:
			found = append(found, path)
		}
	}
	return found
}

func clones(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return false
	}
	method, ok := t.MethodByName("Clone")
	return ok && method.Type.NumIn() == 1 && method.Type.NumOut() == 1 && method.Type.Out(0) == t
}
