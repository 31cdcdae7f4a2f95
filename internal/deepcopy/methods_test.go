package deepcopy_test

import (
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/ergon-go/ergon/internal/deepcopy"
)

type (
	plainOrder struct {
		ID    string
		Lines []struct{ Price *big.Int }
		At    time.Time
		Next  *plainOrder
		notes map[string]int
	}
	cloning struct{ N int }
	texting int
	holding struct{ Deep map[string][]*cloning }
	keyed   map[texting]string
	open    struct{ Any any }
)

func (cloning) Clone() cloning                { panic("called") }
func (*texting) MarshalText() ([]byte, error) { panic("called") }

// [F1] Known without running any: whether methods that are not ours take part in copying or encoding a value.
func TestCallsMethods(t *testing.T) {
	itself := map[string]any{}
	itself["itself"] = itself
	for name, c := range map[string]struct {
		value any
		want  bool
	}{
		"nothing": {nil, false}, "text": {"x", false}, "bytes": {[]byte("x"), false}, "JSON": {json.RawMessage("1"), false},
		"what JSON decodes to": {map[string]any{"a": []any{1.5, "x", nil, map[string]any{"b": true}}}, false},
		"a plain struct":       {plainOrder{notes: nil}, false}, "a pointer to one": {&plainOrder{}, false},
		"the standard library's": {time.Time{}, false},
		"a Clone":                {cloning{}, true}, "a Clone further down": {holding{}, true},
		"a method of a pointer": {texting(1), true}, "one of a key": {keyed{}, true},
		"one in an interface": {open{}, true}, "one in what JSON decodes to": {map[string]any{"a": []any{cloning{}}}, true},
		"what contains itself": {itself, true},
	} {
		if got := deepcopy.CallsMethods(c.value); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
		if got := deepcopy.CallsMethods(c.value); got != c.want {
			t.Errorf("%s, again: got %t, want %t", name, got, c.want)
		}
	}
	for name, value := range map[string]any{"text": "x", "a struct": &plainOrder{}} {
		if n := testing.AllocsPerRun(100, func() { deepcopy.CallsMethods(value) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
