package foreign_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/policy"
)

// counted is an error that counts how often any of its methods is called, and panics once it is broken.
type counted struct {
	calls  int
	broken bool
}

func (c *counted) called() {
	c.calls++
	if c.broken {
		panic("broken")
	}
}

func (c *counted) Error() string                     { c.called(); return "counted" }
func (c *counted) Is(error) bool                     { c.called(); return false }
func (c *counted) As(any) bool                       { c.called(); return false }
func (c *counted) Unwrap() error                     { c.called(); return fs.ErrNotExist }
func (c *counted) Category() ergon.Category          { c.called(); return ergon.CategoryBusiness }
func (c *counted) IsPermanent() bool                 { c.called(); return true }
func (c *counted) RetryDelay() (time.Duration, bool) { c.called(); return time.Minute, true }

// [F1] What the engine decides by is read once; afterwards no method of the error is called for it.
func TestAnErrorThatWasReadIsAskedNothingAgain(t *testing.T) {
	theirs := &counted{}
	err := foreign.Read(theirs)
	theirs.calls, theirs.broken = 0, true
	if again := foreign.Read(err); again != err { //nolint:errorlint // the same value
		t.Errorf("reading it again made %v of it", again)
	}
	read := foreign.Of(fmt.Errorf("wrapped: %w", err))
	if read == nil {
		t.Fatal("what was read is not found in an error that wraps it")
	}
	delay, delayed := read.RetryDelay()
	got := fmt.Sprint(read.Error(), read.Category(), read.IsPermanent(), delay, delayed,
		errors.Is(err, capability.ErrStaleDelivery), errors.Is(err, ergon.ErrExhausted), read.Decode() == nil, read.Crash() == nil)
	if want := fmt.Sprint("counted", ergon.CategoryBusiness, true, time.Minute, true, false, false, true, true); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if theirs.calls != 0 {
		t.Errorf("its methods were called %d times", theirs.calls)
	}
	if read.Returned() != error(theirs) || foreign.AsReturned(err) != error(theirs) { //nolint:errorlint // the same value
		t.Error("what its author returned is lost")
	}
}

// [F1] A cause is looked for in the error itself; methods that panic then find nothing.
func TestCausesAreFoundUnlessAMethodPanics(t *testing.T) {
	theirs := &counted{}
	err := foreign.Read(fmt.Errorf("more: %w", theirs))
	if _, found := errors.AsType[*counted](err); !errors.Is(err, fs.ErrNotExist) || !found {
		t.Error("the cause is not found")
	}
	theirs.broken = true
	if _, found := errors.AsType[*fs.PathError](err); errors.Is(err, fs.ErrNotExist) || found {
		t.Error("a method that panics has found something")
	}
}

// [F1] The sentinels of Ergon are answered from what was read, however deep they were.
func TestSentinelsAndDelaysAreRead(t *testing.T) {
	boom := errors.New("boom")
	decode := &ergon.TransactionError{Phase: policy.PhaseDecode, Err: boom}
	for name, c := range map[string]struct {
		err                                   error
		stale, exhausted, permanent, business bool
		after                                 time.Duration
		decode                                bool
	}{
		"plain":     {err: boom},
		"stale":     {err: fmt.Errorf("a: %w", capability.ErrStaleDelivery), stale: true},
		"exhausted": {err: errors.Join(boom, ergon.ErrExhausted), exhausted: true},
		"permanent": {err: ergon.Permanent(boom), permanent: true},
		"business":  {err: ergon.Business(boom), business: true},
		"delayed":   {err: ergon.RetryAfter(boom, time.Second), after: time.Second},
		"decode":    {err: decode, decode: true},
	} {
		read := foreign.Of(foreign.Read(c.err))
		after, delayed := read.RetryDelay()
		got := []any{
			errors.Is(read, capability.ErrStaleDelivery), errors.Is(read, ergon.ErrExhausted), read.IsPermanent(),
			read.Category() == ergon.CategoryBusiness, after, delayed, read.Decode() != nil,
		}
		want := []any{c.stale, c.exhausted, c.permanent, c.business, c.after, c.after != 0, c.decode}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		if c.decode && foreign.AsReturned(read.Decode()) != boom { //nolint:errorlint // the same value
			t.Errorf("%s: the reason is %v", name, read.Decode())
		}
	}
	if foreign.Read(nil) != nil || foreign.Of(boom) != nil || foreign.AsReturned(boom) != boom { //nolint:errorlint // the same value
		t.Error("something was read where there is nothing")
	}
}

// [F1] [R2] A panic is SYSTEM, also with an error of another category, and none of its methods is called.
func TestCrashIsSystemWhateverItPanickedWith(t *testing.T) {
	theirs := &counted{}
	crash := foreign.Crash(theirs, []byte("stack"))
	theirs.calls, theirs.broken = 0, true
	read := foreign.OfCrash(crash)
	if read.Category() != ergon.CategorySystem || read.Error() != "panic: counted" || read.Crash() != crash || theirs.calls != 0 {
		t.Errorf("got %s %q, after %d calls", read.Category(), read.Error(), theirs.calls)
	}
	if got := foreign.Crash(nil, nil).Error(); got[:len("the handler ended its goroutine")] != "the handler ended its goroutine" {
		t.Errorf("got %q for a Goexit", got)
	}
}

// [F1] Of a batch each item's error is read; the batch is another, so that its author may change it.
func TestErrorsOfABatchAreReadOneByOne(t *testing.T) {
	theirs := &counted{}
	batch := &ergon.BatchError{Failures: map[int]error{3: theirs}}
	got, ok := errors.AsType[*ergon.BatchError](foreign.ReadBatch(fmt.Errorf("call: %w", batch), 4))
	if !ok || got == batch || len(got.Failures) != 1 {
		t.Fatalf("got %v", got)
	}
	if foreign.AsReturned(got.Failures[3]) != error(theirs) { //nolint:errorlint // the same value
		t.Errorf("got %v for the item", got.Failures[3])
	}
	theirs.broken = true
	if text := got.Failures[3].Error(); text != "counted" {
		t.Errorf("got %q", text)
	}
	if foreign.Of(foreign.ReadBatch(errors.New("whole"), 4)) == nil {
		t.Error("the error of a whole call was not read")
	}
	if foreign.ReadBatch(nil, 4) != nil {
		t.Error("nil became an error")
	}
}

// [F3] A handler gets its own copy, with errors as their authors returned them.
func TestCopyForAHandlerSharesNothing(t *testing.T) {
	boom, first := errors.New("boom"), errors.New("first")
	cause := &ergon.TransactionError{Err: foreign.Read(boom), First: foreign.Read(first), Stack: []byte("stack")}
	own := foreign.CopyAsReturned(cause)
	if own.Err != boom || own.First != first || string(own.Stack) != "stack" { //nolint:errorlint // the same values
		t.Errorf("got %+v", own)
	}
	own.Stack[0], own.Err = 'X', nil
	if string(cause.Stack) != "stack" || cause.Err == nil {
		t.Error("a change of the copy reached the original")
	}
	if foreign.CopyAsReturned(nil) != nil {
		t.Error("nil became a cause")
	}
}
