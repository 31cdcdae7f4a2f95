package deepcopy

import "reflect"

// references holds the copies of what was met already, so that what was shared stays shared and a ring is closed. Few of
// them are cheaper to search than to hash.
type references struct {
	few  []referenced
	many map[reference]reflect.Value
}

const fewReferences = 8

// reference is the identity of what a pointer, slice or map refers to.
type reference struct {
	at     uintptr
	length int
	typ    reflect.Type
}

type referenced struct {
	ref  reference
	copy reflect.Value
}

func (r *references) find(ref reference) (reflect.Value, bool) {
	for _, known := range r.few {
		if known.ref == ref {
			return known.copy, true
		}
	}
	known, ok := r.many[ref]
	return known, ok
}

func (r *references) add(ref reference, made reflect.Value) {
	if len(r.few) < fewReferences {
		r.few = append(r.few, referenced{ref, made})
		return
	}
	if r.many == nil {
		r.many = map[reference]reflect.Value{}
	}
	r.many[ref] = made
}
