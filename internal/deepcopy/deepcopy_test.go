package deepcopy_test

import (
	"encoding/json"
	"errors"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/deepcopy"
)

var errBoom = errors.New("boom")

type leaf struct {
	Name string
	Tags []string
}

type embedded struct{ Promoted []int }

type tree struct {
	embedded

	Leaf    leaf
	Pointer *leaf
	Left    *tree
	Right   *tree
	ByName  map[string]*leaf
	ByLeaf  map[*leaf]int
	Any     any
	Array   [2]*leaf
	Lists   [][]int
	At      time.Time
	Err     error
	hidden  []int
}

type ring struct {
	Value []int
	Next  *ring
}

type slicesOfItself []slicesOfItself

type mapOfItself map[string]mapOfItself

// album is copied by its own method only: the pictures are not exported.
type album struct{ pictures []string }

func (a *album) Clone() *album { return &album{pictures: slices.Clone(a.pictures)} }

type folder struct{ pages []string }

func (f folder) Clone() folder { return folder{pages: slices.Clone(f.pages)} }

// impostor has a Clone that makes something else.
type lookalike struct{ Pages []string }

func (lookalike) Clone() string { return "not one of these" }

type byValue struct{ Clone int }

func sample() *tree {
	shared := &leaf{Name: "shared", Tags: []string{"a", "b"}}
	return &tree{
		embedded: embedded{Promoted: []int{1}},
		Leaf:     leaf{Name: "leaf", Tags: []string{"c"}},
		Pointer:  shared,
		Left:     &tree{Pointer: shared, hidden: []int{7}},
		ByName:   map[string]*leaf{"shared": shared, "none": nil},
		Any:      map[string]any{"list": []any{1, "two", []byte("three"), nil, shared}, "leaf": leaf{Tags: []string{"d"}}},
		Array:    [2]*leaf{shared, {Name: "other", Tags: []string{"e"}}},
		Lists:    [][]int{{1, 2}, nil, {}},
		At:       time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
		Err:      errBoom,
		hidden:   []int{9},
	}
}

// Everything that is exported and can be changed, changed.
func mutate(t *tree) {
	t.Promoted[0] = -1
	t.Leaf.Tags[0] = "spoilt"
	t.Pointer.Name = "spoilt"
	t.Left.Pointer.Tags[0] = "spoilt"
	t.ByName["new"] = t.ByName["none"]
	t.ByName["shared"].Tags[1] = "spoilt"
	m := t.Any.(map[string]any)
	m["list"].([]any)[0] = -1
	m["list"].([]any)[2].([]byte)[0] = 'X'
	m["leaf"].(leaf).Tags[0] = "spoilt"
	m["new"] = true
	t.Array[1].Tags[0] = "spoilt"
	t.Lists[0][1] = -1
	t.Lists[1] = []int{-1}
	t.Left = nil
}

var (
	visible  = cmp.Options{cmp.AllowUnexported(tree{}, embedded{}), identity}
	identity = cmp.Options{
		cmp.Comparer(func(a, b error) bool { return a == b }), //nolint:errorlint // identity is meant
		cmp.Comparer(func(a, b chan int) bool { return a == b }),
		cmp.Comparer(func(a, b *sync.Mutex) bool { return a == b }),
	}
)

// [R4]
func TestWhatIsChangedInAPayloadIsNotSeenByTheNextReader(t *testing.T) {
	tx := ergon.NewTransaction("1", sample())
	mutate(tx.Payload().(*tree))
	if diff := cmp.Diff(sample(), tx.Payload(), visible); diff != "" {
		t.Errorf("payload after another reader spoilt its own (-want +got):\n%s", diff)
	}
	mutate(tx.WithMetadata("k", "v").Payload().(*tree))
	if diff := cmp.Diff(sample(), tx.Payload(), visible); diff != "" {
		t.Errorf("payload after a reader of a copy of the transaction spoilt its own (-want +got):\n%s", diff)
	}
}

func TestPayloadThatIsFlatIsReturnedAsItIs(t *testing.T) {
	type flat struct {
		A int
		B [3]string
		C time.Time
		D struct{ E float64 }
	}
	channel := make(chan int)
	for _, want := range []any{
		nil, "text", 7, int64(7), uint8(7), 7.5, true, time.Second, time.Unix(7, 0),
		flat{A: 1, B: [3]string{"x"}},
		[0]*leaf{},
		channel,
		struct{}{},
		errBoom, &sync.Mutex{},
		byValue{7},
		struct{ F *leaf }{},
		(*leaf)(nil),
		[]int(nil), map[string]*leaf(nil), json.RawMessage(nil), []byte(nil),
	} {
		if diff := cmp.Diff(want, deepcopy.Of(want), identity); diff != "" {
			t.Errorf("payload %#v (-want +got):\n%s", want, diff)
		}
	}
}

// [R4]
func TestCommonPayloadsAreCopied(t *testing.T) {
	tx := ergon.NewTransaction("1", []byte("abc"))
	tx.Payload().([]byte)[0] = 'X'
	if got := string(tx.Payload().([]byte)); got != "abc" {
		t.Errorf("bytes are %q, want abc", got)
	}
	tx = ergon.NewTransaction("1", json.RawMessage(`{}`))
	tx.Payload().(json.RawMessage)[0] = 'X'
	if got := string(tx.Payload().(json.RawMessage)); got != "{}" {
		t.Errorf("raw JSON is %q, want {}", got)
	}
	tx = ergon.NewTransaction("1", map[string]string{"a": "1"})
	tx.Payload().(map[string]string)["a"] = "X"
	if got := tx.Payload().(map[string]string)["a"]; got != "1" {
		t.Errorf("map has %q, want 1", got)
	}
	tx = ergon.NewTransaction("1", []string{"a"})
	tx.Payload().([]string)[0] = "X"
	if got := tx.Payload().([]string)[0]; got != "a" {
		t.Errorf("slice has %q, want a", got)
	}
	tx = ergon.NewTransaction("1", [1][]int{{1}})
	tx.Payload().([1][]int)[0][0] = -1
	if got := tx.Payload().([1][]int)[0][0]; got != 1 {
		t.Errorf("array has %d, want 1", got)
	}
}

// A reader that appends must not write into the memory behind another reader's slice.
func TestPayloadSliceHasNoSpareCapacityInCommon(t *testing.T) {
	tx := ergon.NewTransaction("1", append(make([]int, 0, 8), 1, 2))
	first, second := tx.Payload().([]int), tx.Payload().([]int)
	first, second = append(first, 3), append(second, 4)
	if first[2] != 3 || second[2] != 4 {
		t.Errorf("got %v and %v", first, second)
	}
}

func TestSharedPointersStaySharedInAPayload(t *testing.T) {
	original := sample()
	got := deepcopy.Of(original).(*tree)
	if got.Pointer == original.Pointer {
		t.Error("the shared pointer is the original's")
	}
	list := got.Any.(map[string]any)["list"].([]any)
	if got.Pointer != got.Left.Pointer || got.Pointer != got.Array[0] || got.Pointer != got.ByName["shared"] || list[4] != any(got.Pointer) {
		t.Error("one pointer became several")
	}
}

func TestPointersAsMapKeysAreCopiedAlongWithWhereTheyAreUsed(t *testing.T) {
	key := &leaf{Name: "key"}
	got := deepcopy.Of(&tree{Pointer: key, ByLeaf: map[*leaf]int{key: 7}}).(*tree)
	if got.Pointer == key || got.ByLeaf[got.Pointer] != 7 || len(got.ByLeaf) != 1 {
		t.Errorf("got %v, want the copied pointer to be the key", got.ByLeaf)
	}
}

func TestPayloadThatRefersToItselfIsCopied(t *testing.T) {
	a := &ring{Value: []int{1}}
	a.Next = &ring{Value: []int{2}, Next: a}
	got := deepcopy.Of(a).(*ring)
	if got == a || got.Next == a.Next || got.Next.Next != got || got.Next.Value[0] != 2 {
		t.Errorf("ring of pointers came out as %+v", got)
	}
	s := make(slicesOfItself, 1)
	s[0] = s
	if got := deepcopy.Of(s).(slicesOfItself); &got[0] == &s[0] || &got[0][0] != &got[0] {
		t.Error("slice that holds itself came out as another")
	}
	m := mapOfItself{}
	m["me"] = m
	copied := deepcopy.Of(m).(mapOfItself)
	copied["me"]["new"] = nil
	if _, changed := m["new"]; changed || len(copied) != 2 {
		t.Errorf("map that holds itself came out as %v", copied)
	}
	var anything any
	anything = &anything
	if got := deepcopy.Of(anything).(*any); got == anything || *got != any(got) {
		t.Error("pointer to itself came out as another")
	}
}

func TestVeryLongListIsCopied(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(2 << 20)) // recursion would need more
	const length = 20_000
	var list *ring
	for range length {
		list = &ring{Next: list}
	}
	count := 0
	for at := deepcopy.Of(list).(*ring); at != nil; at = at.Next {
		count++
	}
	if count != length {
		t.Errorf("copy has %d elements, want %d", count, length)
	}
}

func TestTypeIsCopiedByItsOwnClone(t *testing.T) {
	type shelf struct {
		Album   *album
		Missing *album
		Folder  folder
		Folders []folder
		Pointer *folder
		ByName  map[string]folder
		Any     any
		Other   lookalike
	}
	made := func() shelf {
		return shelf{
			Album: &album{[]string{"a"}}, Folder: folder{[]string{"b"}}, Folders: []folder{{[]string{"c"}}}, Pointer: &folder{[]string{"d"}},
			ByName: map[string]folder{"e": {[]string{"e"}}}, Any: folder{[]string{"f"}}, Other: lookalike{[]string{"g"}},
		}
	}
	tx := ergon.NewTransaction("1", made())
	got := tx.Payload().(shelf)
	for _, texts := range [][]string{
		got.Album.pictures, got.Folder.pages, got.Folders[0].pages, got.Pointer.pages,
		got.ByName["e"].pages, got.Any.(folder).pages, got.Other.Pages,
	} {
		texts[0] = "spoilt"
	}
	if diff := cmp.Diff(made(), tx.Payload(), cmp.AllowUnexported(album{}, folder{})); diff != "" {
		t.Errorf("payload after it was spoilt (-want +got):\n%s", diff)
	}
	whole := ergon.NewTransaction("1", &album{[]string{"a"}})
	whole.Payload().(*album).pictures[0] = "spoilt"
	if got := whole.Payload().(*album).pictures[0]; got != "a" {
		t.Errorf("picture is %q, want a", got)
	}
}

func TestKeysThatAreNotEqualToThemselvesAreKept(t *testing.T) {
	got := deepcopy.Of(map[float64][]int{math.NaN(): {1}, math.NaN(): {2}}).(map[float64][]int)
	if len(got) != 2 {
		t.Errorf("got %v, want two entries", got)
	}
}

func BenchmarkPayload(b *testing.B) {
	for name, payload := range map[string]any{
		"string":  "text",
		"bytes":   make([]byte, 256),
		"row":     map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"},
		"flat":    struct{ A, B, C int }{1, 2, 3},
		"pointer": &leaf{Name: "a"},
		"json":    map[string]any{"a": 1.0, "b": "2", "c": []any{1.0, 2.0}, "d": map[string]any{"e": true}},
		"tree":    sample(),
	} {
		b.Run(name, func(b *testing.B) {
			tx := ergon.NewTransaction("1", payload)
			b.ReportAllocs()
			for b.Loop() {
				_ = tx.Payload()
			}
		})
	}
}
