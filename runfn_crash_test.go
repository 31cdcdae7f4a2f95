package ergon_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
)

type brokenStringer struct{}

func (brokenStringer) String() string { panic("in String") }

// brokenError is what is left of a nil pointer that was returned as an error.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

func ofItself() map[string]any {
	m := map[string]any{}
	m["me"] = m
	return m
}

// [R2]
func TestPanicIsASystemErrorWithItsStack(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"text":            {"oh no", "SYSTEM: panic: oh no"},
		"error":           {errBoom, "SYSTEM: panic: boom"},
		"number":          {7, "SYSTEM: panic: 7"},
		"stringer":        {time.Second, "SYSTEM: panic: 1s"},
		"nil":             {nil, "SYSTEM: panic: " + new(runtime.PanicNilError).Error()},
		"struct":          {struct{ Card string }{"4111"}, "SYSTEM: panic: a value of type struct { Card string }"},
		"endless value":   {ofItself(), "SYSTEM: panic: a value of type map[string]interface {}"},
		"broken stringer": {brokenStringer{}, "SYSTEM: panic: %!v(PANIC=String method: in String)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ergon.RunFn(t.Context(), steady(1), panics(c.value))
			failed := asTransactionError(t, err)
			if err.Error() != c.want {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
			if !strings.Contains(string(failed.Stack), "runfn_test.go") {
				t.Errorf("stack does not show the function that panicked:\n%s", failed.Stack)
			}
			if value, ok := c.value.(error); ok && !errors.Is(err, value) {
				t.Error("errors.Is does not reach the error that it panicked with")
			}
		})
	}
}

func exits(context.Context) (string, error) {
	runtime.Goexit()
	return "", nil
}

// [R2]
func TestGoexitIsASystemErrorWithItsStack(t *testing.T) {
	_, err := ergon.RunFn(t.Context(), steady(1), exits)
	failed := asTransactionError(t, err)
	if failed.Category != ergon.CategorySystem || !strings.Contains(err.Error(), "runtime.Goexit") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(string(failed.Stack), "ergon_test.exits") {
		t.Errorf("stack does not show the function that ended its goroutine:\n%s", failed.Stack)
	}
}

// [R2]
func TestPanicAndGoexitAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		start := time.Now()
		got, err := ergon.RunFn(t.Context(), steady(3), attempts(&calls, panics("oh no"), exits, returns("done")))
		expectElapsed(t, start, 3*time.Second)
		if got != "done" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestStackOfAnEarlierAttemptIsNotThatOfTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		_, err := ergon.RunFn(t.Context(), steady(2), attempts(&calls, panics("oh no"), fails(errBoom)))
		failed := asTransactionError(t, err)
		if failed.Stack != nil || failed.First == nil || failed.First.Error() != "panic: oh no" {
			t.Errorf("First is %v, Stack %d bytes, want the panic and none", failed.First, len(failed.Stack))
		}
	})
}

func TestStackOfANestedRunIsKept(t *testing.T) {
	nested := func(ctx context.Context) (string, error) {
		_, err := ergon.RunFn(ctx, steady(1), panics("oh no"))
		return "", fmt.Errorf("inner: %w", err)
	}
	_, err := ergon.RunFn(t.Context(), steady(1), nested)
	if failed := asTransactionError(t, err); !strings.Contains(string(failed.Stack), "runfn_test.go") {
		t.Errorf("stack of %v is %q", err, failed.Stack)
	}
}

// [R2] Methods of a foreign error run within the attempt, so a panic in them is the attempt's.
func TestErrorThatPanicsWhenItIsLookedAtDoesNotCrash(t *testing.T) {
	for want, broken := range map[string]error{
		"nil pointer dereference":     (*brokenError)(nil),
		"nil *ergon.TransactionError": (*ergon.TransactionError)(nil),
	} {
		_, err := ergon.RunFn(t.Context(), steady(1), fails(broken))
		failed := asTransactionError(t, err)
		if failed.Category != ergon.CategorySystem || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
