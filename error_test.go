package ergon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// [R2]
func TestCategoryOfIsTheOutermostOneGiven(t *testing.T) {
	timeout := &ergon.TransactionError{Category: ergon.CategoryTimeout, Err: ergon.Business(errBoom)}
	system := &ergon.TransactionError{Category: ergon.CategorySystem, Err: ergon.Business(errBoom)}
	for name, c := range map[string]struct {
		err  error
		want ergon.Category
	}{
		"nil":                           {nil, ergon.CategorySystem},
		"plain":                         {errBoom, ergon.CategorySystem},
		"business":                      {ergon.Business(errBoom), ergon.CategoryBusiness},
		"wrapped business":              {fmt.Errorf("a: %w", fmt.Errorf("b: %w", ergon.Business(errBoom))), ergon.CategoryBusiness},
		"permanent business":            {ergon.Permanent(ergon.Business(errBoom)), ergon.CategoryBusiness},
		"business permanent":            {ergon.Business(ergon.Permanent(errBoom)), ergon.CategoryBusiness},
		"delayed business":              {ergon.RetryAfter(ergon.Business(errBoom), time.Second), ergon.CategoryBusiness},
		"permanent":                     {ergon.Permanent(errBoom), ergon.CategorySystem},
		"delayed":                       {ergon.RetryAfter(errBoom, time.Second), ergon.CategorySystem},
		"attempt timeout":               {ergon.ErrAttemptTimeout, ergon.CategoryTimeout},
		"transaction timeout":           {fmt.Errorf("a: %w", ergon.ErrTransactionTimeout), ergon.CategoryTimeout},
		"loop timeout":                  {ergon.Permanent(ergon.ErrLoopTimeout), ergon.CategoryTimeout},
		"business because of a timeout": {ergon.Business(ergon.ErrAttemptTimeout), ergon.CategoryBusiness},
		"somebody's deadline":           {context.DeadlineExceeded, ergon.CategorySystem},
		"somebody's network timeout":    {&net.DNSError{IsTimeout: true}, ergon.CategorySystem},
		"interrupted":                   {ergon.ErrInterrupted, ergon.CategorySystem},
		"timeout of business":           {timeout, ergon.CategoryTimeout},
		"business of timeout":           {ergon.Business(timeout), ergon.CategoryBusiness},
		"system of business":            {fmt.Errorf("a: %w", system), ergon.CategorySystem},
		"joined with business":          {errors.Join(errBoom, ergon.Business(errBoom)), ergon.CategoryBusiness},
		"joined timeout and business":   {errors.Join(timeout, errBoom, ergon.Business(errBoom)), ergon.CategoryBusiness},
		"joined with timeout":           {errors.Join(errBoom, timeout), ergon.CategoryTimeout},
		"joined plain":                  {errors.Join(errBoom, errBoom), ergon.CategorySystem},
		"business over joined":          {ergon.Business(errors.Join(timeout, errBoom)), ergon.CategoryBusiness},
		"two wrapped":                   {fmt.Errorf("%w: %w", errBoom, ergon.Business(errBoom)), ergon.CategoryBusiness},
		"batch":                         {&ergon.BatchError{Failures: map[int]error{1: ergon.Business(errBoom)}}, ergon.CategoryBusiness},
		"nil pointer":                   {(*ergon.TransactionError)(nil), ergon.CategorySystem},
	} {
		if got := ergon.CategoryOf(c.err); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// foreignError has what the engine asks errors for, without being one of ours.
type foreignError struct {
	after     time.Duration
	permanent bool
}

func (foreignError) Error() string                       { return "foreign" }
func (e foreignError) RetryDelay() (time.Duration, bool) { return e.after, e.after != 0 }
func (e foreignError) IsPermanent() bool                 { return e.permanent }

// [R1] [R2]
func TestMarksAreFoundInAnyOrderOfNesting(t *testing.T) {
	after := func(err error) error { return ergon.RetryAfter(err, 7*time.Second) }
	wrap := func(err error) error { return fmt.Errorf("wrapped: %w", err) }
	join := func(err error) error { return errors.Join(ergon.Business(errors.New("other")), err) }
	marks := []func(error) error{ergon.Business, ergon.Permanent, after, wrap, join}
	for _, order := range permutations(len(marks)) {
		err := errBoom
		for _, i := range order {
			err = marks[i](err)
		}
		failed := &ergon.TransactionError{Err: err}
		delay, ok := failed.RetryDelay()
		if !ok || delay != 7*time.Second || !failed.IsPermanent() ||
			ergon.CategoryOf(err) != ergon.CategoryBusiness || !errors.Is(err, errBoom) {
			t.Errorf("order %v: delay %s, %v, permanent %v, %s, want all marks: %v",
				order, delay, ok, failed.IsPermanent(), ergon.CategoryOf(err), err)
		}
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), at, n-1))
		}
	}
	return all
}

// [R1] [R2]
func TestMarks(t *testing.T) {
	for name, c := range map[string]struct {
		err       error
		after     time.Duration
		delayed   bool
		permanent bool
	}{
		"none":                       {err: errBoom},
		"nil":                        {err: nil},
		"outermost delay":            {err: ergon.RetryAfter(ergon.RetryAfter(errBoom, 2), 1), after: 1, delayed: true},
		"delay of nothing":           {err: ergon.RetryAfter(errBoom, 0), delayed: true},
		"negative delay":             {err: ergon.RetryAfter(errBoom, -time.Second), delayed: true},
		"foreign delay":              {err: fmt.Errorf("a: %w", foreignError{after: time.Second}), after: time.Second, delayed: true},
		"foreign without a delay":    {err: foreignError{}},
		"foreign permanent":          {err: ergon.RetryAfter(foreignError{permanent: true}, 1), after: 1, delayed: true, permanent: true},
		"foreign from the past":      {err: foreignError{after: -1}, delayed: true},
		"second of joined":           {err: errors.Join(foreignError{}, ergon.Permanent(errBoom)), permanent: true},
		"in a failure":               {err: &ergon.TransactionError{Err: ergon.Permanent(errBoom)}, permanent: true},
		"first attempt of a failure": {err: &ergon.TransactionError{Err: errBoom, First: ergon.RetryAfter(ergon.Permanent(errBoom), 1)}},
		"nil pointer":                {err: (*ergon.TransactionError)(nil)},
	} {
		failed := &ergon.TransactionError{Err: c.err}
		after, delayed := failed.RetryDelay()
		if after != c.after || delayed != c.delayed || failed.IsPermanent() != c.permanent {
			t.Errorf("%s: got delay %s, %v, permanent %v, want %s, %v, %v",
				name, after, delayed, failed.IsPermanent(), c.after, c.delayed, c.permanent)
		}
	}
}

func TestMarkedErrorLooksLikeItsCause(t *testing.T) {
	cause := &net.DNSError{Err: "no such host", Name: "example.org"}
	for _, err := range []error{ergon.Business(cause), ergon.Permanent(cause), ergon.RetryAfter(cause, time.Second)} {
		if err.Error() != cause.Error() {
			t.Errorf("text is %q, want %q", err, cause)
		}
		if found, ok := errors.AsType[*net.DNSError](err); !ok || found != cause {
			t.Errorf("errors.As does not reach the cause of %#v", err)
		}
	}
}

func TestMarkedNilIsNil(t *testing.T) {
	if err := ergon.Business(nil); err != nil {
		t.Errorf("Business(nil) is %v", err)
	}
	if err := ergon.Permanent(nil); err != nil {
		t.Errorf("Permanent(nil) is %v", err)
	}
	if err := ergon.RetryAfter(nil, time.Second); err != nil {
		t.Errorf("RetryAfter(nil) is %v", err)
	}
}

func TestTransactionErrorSaysWhereWhatAndHowOften(t *testing.T) {
	for want, err := range map[string]*ergon.TransactionError{
		"SYSTEM: boom":                              {Err: errBoom},
		"process: BUSINESS: boom":                   {Phase: policy.PhaseProcess, Category: ergon.CategoryBusiness, Attempts: 1, Err: errBoom},
		"success: TIMEOUT: boom (after 3 attempts)": {Phase: policy.PhaseSuccess, Category: ergon.CategoryTimeout, Attempts: 3, Err: errBoom},
		"SYSTEM: <nil>":                             {},
		"no error: a nil *ergon.TransactionError was returned as an error": nil,
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// [R2]
func TestTransactionErrorReachesTheLastAndTheFirstCause(t *testing.T) {
	first, last, other := errors.New("first"), errors.New("last"), errors.New("other")
	err := error(&ergon.TransactionError{First: fmt.Errorf("a: %w", first), Err: fmt.Errorf("b: %w", last)})
	if !errors.Is(err, first) || !errors.Is(err, last) || errors.Is(err, other) {
		t.Errorf("first %v, last %v, other %v", errors.Is(err, first), errors.Is(err, last), errors.Is(err, other))
	}
	for _, hollow := range []error{&ergon.TransactionError{}, (*ergon.TransactionError)(nil)} {
		if errors.Is(hollow, other) {
			t.Errorf("%#v is another error", hollow)
		}
		if _, ok := errors.AsType[*net.DNSError](hollow); ok {
			t.Errorf("%#v is a DNS error", hollow)
		}
	}
}

func TestTimeoutsOfErgonAreDeadlinesToEverybodyElse(t *testing.T) {
	for _, err := range []error{ergon.ErrAttemptTimeout, ergon.ErrTransactionTimeout, ergon.ErrLoopTimeout} {
		timeout, ok := errors.AsType[interface {
			error
			Timeout() bool
		}](err)
		if !errors.Is(err, context.DeadlineExceeded) || !ok || !timeout.Timeout() {
			t.Errorf("%v does not look like a deadline", err)
		}
	}
	if errors.Is(ergon.ErrAttemptTimeout, ergon.ErrTransactionTimeout) || errors.Is(ergon.ErrAttemptTimeout, context.Canceled) {
		t.Error("one timeout is taken for another")
	}
	if errors.Is(ergon.ErrInterrupted, context.DeadlineExceeded) {
		t.Error("an interruption is taken for a deadline")
	}
}

func TestCategoryIsWrittenAsItsName(t *testing.T) {
	for category, want := range map[ergon.Category]string{
		ergon.CategorySystem: `"SYSTEM"`, ergon.CategoryBusiness: `"BUSINESS"`, ergon.CategoryTimeout: `"TIMEOUT"`,
	} {
		text, err := json.Marshal(category)
		if err != nil || string(text) != want {
			t.Errorf("%d is written %s, %v, want %s", category, text, err, want)
		}
		var read ergon.Category
		if err := json.Unmarshal(text, &read); err != nil || read != category {
			t.Errorf("%s is read as %s, %v", text, read, err)
		}
	}
	read := ergon.CategoryTimeout
	err := read.UnmarshalText([]byte("business"))
	if err == nil || err.Error() != `unknown category "business", want SYSTEM, BUSINESS or TIMEOUT` || read != ergon.CategoryTimeout {
		t.Errorf("got %s, %v", read, err)
	}
}
