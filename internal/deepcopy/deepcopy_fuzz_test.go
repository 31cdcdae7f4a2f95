package deepcopy_test

import (
	"reflect"
	"testing"

	"github.com/ergon-go/ergon/internal/deepcopy"
)

// node can refer to any other node in every way that Of knows.
type node struct {
	Name    string
	Bytes   []byte
	Next    *node
	List    []*node
	Values  []node
	Named   map[string]*node
	Counts  map[*node]int
	Pair    [2]*node
	Any     any
	private *node
}

// graph makes nodes that refer to each other as data says; the same data makes the same graph.
func graph(data []byte) *node {
	nodes := make([]*node, 1+len(data)%7)
	for i := range nodes {
		nodes[i] = &node{Name: string(rune('a' + i)), Bytes: []byte{byte(i)}}
	}
	for len(data) >= 3 {
		from, to := nodes[int(data[0])%len(nodes)], nodes[int(data[1])%len(nodes)]
		refer(from, to, data[2])
		data = data[3:]
	}
	return nodes[0]
}

func refer(from, to *node, how byte) {
	switch how % 10 {
	case 0:
		from.Next = to
	case 1:
		from.List = append(from.List, to, nil)
	case 2:
		from.Values = append(from.Values, node{Name: "value", Next: to, Bytes: to.Bytes})
	case 3:
		from.Named = map[string]*node{to.Name: to, "none": nil}
	case 4:
		from.Counts = map[*node]int{to: int(how)}
	case 5:
		from.Pair[how%2] = to
	case 6:
		from.Any = []any{to, to.Bytes, map[string]any{"to": to, "how": float64(how)}, nil}
	case 7:
		from.Any = *to
	case 8:
		from.Bytes = to.Bytes[:how%2]
	default:
		from.private = to
	}
}

// mutator changes everything that can be reached by exported fields.
type mutator map[any]bool

func (s mutator) mutate(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		key := [3]any{v.Type(), v.Pointer(), 0}
		if v.Kind() == reflect.Slice {
			key[2] = v.Len()
		}
		if v.IsNil() || s[key] {
			return
		}
		s[key] = true
	default: // nothing that could be met again
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			s.mutate(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			s.mutate(v.Index(i))
		}
	case reflect.Map:
		for entry := v.MapRange(); entry.Next(); {
			s.mutate(entry.Key())
			s.mutate(entry.Value())
		}
		v.Clear()
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				s.mutate(v.Field(i))
			}
		}
	default: // nothing inside
	}
	if v.CanSet() {
		v.SetZero()
	}
}

// alike compares two graphs: equal values, and a pointer or map that is shared in one is shared in the other. It holds
// what was met in one against what was met in its place in the other.
type alike map[[2]any]any

func (a alike) same(x, y reflect.Value) bool {
	if x.IsValid() != y.IsValid() || x.IsValid() && x.Type() != y.Type() {
		return false
	}
	if !x.IsValid() {
		return true
	}
	switch x.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		if x.IsNil() || y.IsNil() {
			return x.IsNil() && y.IsNil()
		}
	default: // never nil here
	}
	switch x.Kind() {
	case reflect.Pointer, reflect.Map:
		there, back := [2]any{"there", x.Pointer()}, [2]any{"back", y.Pointer()}
		if met, ok := a[there]; ok || a[back] != nil {
			return ok && met == y.Pointer() && a[back] == x.Pointer()
		}
		a[there], a[back] = y.Pointer(), x.Pointer()
	default: // shared by nobody
	}
	return a.sameParts(x, y)
}

func (a alike) sameParts(x, y reflect.Value) bool {
	switch x.Kind() {
	case reflect.Pointer, reflect.Interface:
		return a.same(x.Elem(), y.Elem())
	case reflect.Slice, reflect.Array:
		for i := range x.Len() {
			if x.Len() != y.Len() || !a.same(x.Index(i), y.Index(i)) {
				return false
			}
		}
		return x.Len() == y.Len()
	case reflect.Map:
		return a.sameEntries(x, y)
	case reflect.Struct:
		for i := range x.NumField() {
			if x.Type().Field(i).IsExported() && !a.same(x.Field(i), y.Field(i)) {
				return false
			}
		}
		return true
	default:
		return x.Interface() == y.Interface()
	}
}

// sameEntries finds the entry of a text by the text; a map of nodes has one entry at most.
func (a alike) sameEntries(x, y reflect.Value) bool {
	for entry := x.MapRange(); entry.Next(); {
		key := entry.Key()
		if key.Kind() == reflect.Pointer && y.Len() == 1 {
			if key = y.MapKeys()[0]; !a.same(entry.Key(), key) {
				return false
			}
		}
		if !a.same(entry.Value(), y.MapIndex(key)) {
			return false
		}
	}
	return x.Len() == y.Len()
}

// [R4] A payload is handed out as an equal copy, and nothing that is done to the copy reaches the payload.
func FuzzCopies(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("000"))
	f.Add([]byte("011022033044055066077088099"))
	f.Add([]byte("0120230340450560670780890900011"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 120 {
			return
		}
		for _, payload := range []struct{ original, same any }{
			{graph(data), graph(data)}, {*graph(data), *graph(data)}, {graph(data).Any, graph(data).Any},
		} {
			original, same := reflect.ValueOf(payload.original), reflect.ValueOf(payload.same)
			handedOut := reflect.ValueOf(deepcopy.Of(payload.original))
			if !(alike{}).same(handedOut, original) {
				t.Fatal("the copy is not like the payload")
			}
			if handedOut.IsValid() {
				mutator{}.mutate(handedOut)
			}
			if !(alike{}).same(original, same) {
				t.Fatal("the payload was changed through its copy")
			}
		}
	})
}
