package panics_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/internal/panics"
)

// ring contains itself.
type ring struct{ next *ring }

type worse struct{}

func (worse) Error() string { return "worse" }
func (worse) Is(error) bool { panic("again") }
func (worse) As(any) bool   { panic("again") }

func TestOnlyWhatMayBeShownIsShown(t *testing.T) {
	endless := &ring{}
	endless.next = endless
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, "the handler ended its goroutine ("},
		{"text", "panic: text"},
		{7, "panic: 7"},
		{fs.ErrNotExist, "panic: file does not exist"},
		{endless, "panic: a value of type *panics_test.ring"},
		{[]byte("secret"), "panic: a value of type []uint8"},
	} {
		if got := panics.Of("the handler", c.value, nil).Error(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%T: got %q, want %q", c.value, got, c.want)
		}
	}
}

// [F1] An error is found in the panic, and one whose methods panic again is not there.
func TestErrorsInAPanicAreFoundUnlessTheirMethodsPanic(t *testing.T) {
	if err := panics.Of("it", &fs.PathError{Err: fs.ErrNotExist}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the error that it panicked with is not found")
	}
	if _, ok := errors.AsType[*fs.PathError](error(panics.Of("it", &fs.PathError{Err: fs.ErrNotExist}, nil))); !ok {
		t.Error("the type that it panicked with is not found")
	}
	bad := panics.Of("it", worse{}, nil)
	if errors.Is(bad, fs.ErrExist) {
		t.Error("an error is found in one whose Is panics")
	}
	if _, ok := errors.AsType[*fs.PathError](error(bad)); ok {
		t.Error("a type is found in one whose As panics")
	}
	if errors.Is(panics.Of("it", "text", nil), fs.ErrExist) {
		t.Error("an error is found in a text")
	}
}
