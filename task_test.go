package ergon_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
)

// whole has all handlers.
type whole struct{ calls []string }

func (w *whole) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[int]) (string, error) {
	w.calls = append(w.calls, "process "+tx.ID())
	if tx.Body < 0 {
		return "", ergon.Business(errBoom)
	}
	return "result", nil
}

func (w *whole) HandleProcessSuccess(_ context.Context, tx ergon.TransactionOf[int], result string) error {
	w.calls = append(w.calls, "success "+tx.ID()+" "+result)
	return nil
}

func (w *whole) HandleProcessException(_ context.Context, tx ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
	w.calls = append(w.calls, "exception "+tx.ID()+" "+cause.Error())
	return ergon.Discard(), nil
}

type processOnly struct{}

func (processOnly) ProcessTransaction(context.Context, ergon.TransactionOf[int]) (string, error) {
	return "", nil
}

func TestTaskIsMadeOfTheHandlersThatThereAre(t *testing.T) {
	w := &whole{}
	task := ergon.Consume(w)
	if err := task.Validate(); err != nil {
		t.Fatal(err)
	}
	tx := ergon.NewTransaction("t-1", 7)
	result, err := task.Process(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	if err := task.Success(t.Context(), tx, result); err != nil {
		t.Fatal(err)
	}
	disposition, err := task.Exception(t.Context(), tx, &ergon.TransactionError{Err: errBoom})
	if disposition != ergon.Discard() || err != nil {
		t.Errorf("exception handler returned %q, %v", disposition, err)
	}
	want := []string{"process t-1", "success t-1 result", "exception t-1 SYSTEM: boom"}
	if diff := cmp.Diff(want, w.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	task = ergon.Consume(processOnly{})
	if err := task.Validate(); err != nil || task.Success != nil || task.Exception != nil || task.Exit != nil {
		t.Errorf("a task with one method became %+v, %v", task, err)
	}
}

func TestErrorsOfATaskComeThroughAsTheyAre(t *testing.T) {
	_, err := ergon.Consume(&whole{}).Process(t.Context(), ergon.NewTransaction("t-1", -1))
	if ergon.CategoryOf(err) != ergon.CategoryBusiness || err.Error() != "boom" {
		t.Errorf("got %v", err)
	}
}

// What a decode error in the success phase would be, could it happen: the same as in process.
func TestSuccessHandlerOfAPayloadThatDoesNotDecodeIsNotCalled(t *testing.T) {
	w := &whole{}
	err := ergon.Consume(w).Success(t.Context(), ergon.NewTransaction("t-1", "x"), "result")
	if ergon.CategoryOf(err) != ergon.CategoryBusiness || w.calls != nil {
		t.Errorf("got %v after calls %q", err, w.calls)
	}
}

func TestResultThatADecoratorChangedIsRefused(t *testing.T) {
	w := &whole{}
	err := ergon.Consume(w).Success(t.Context(), ergon.NewTransaction("t-1", 7), 3.5)
	want := "result of processing is a float64, but the success handler takes a string; a decorator has changed it"
	if err == nil || err.Error() != want || w.calls != nil {
		t.Errorf("got %v after calls %q, want %s", err, w.calls, want)
	}
	if failed := (&ergon.TransactionError{Err: err}); !failed.IsPermanent() {
		t.Error("it is worth another attempt, want not")
	}
}

// errorful returns an interface, whose nil is a result as well.
type errorful struct{ got []error }

func (e *errorful) ProcessTransaction(context.Context, ergon.TransactionOf[int]) (error, error) {
	return nil, nil
}

func (e *errorful) HandleProcessSuccess(_ context.Context, _ ergon.TransactionOf[int], result error) error {
	e.got = append(e.got, result)
	return nil
}

func TestNilOfAnInterfaceIsAResult(t *testing.T) {
	e := &errorful{}
	task, tx := ergon.Consume(e), ergon.NewTransaction("t-1", 7)
	result, err := task.Process(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	if err := task.Success(t.Context(), tx, result); err != nil || len(e.got) != 1 || e.got[0] != nil {
		t.Errorf("got %v after %v", err, e.got)
	}
}

func TestDecoratorsWrapFromTheInsideOut(t *testing.T) {
	var calls []string
	named := func(name string) ergon.Decorator {
		return func(task ergon.Task) ergon.Task {
			process := task.Process
			task.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
				calls = append(calls, name)
				return process(ctx, tx)
			}
			return task
		}
	}
	task := ergon.Consume(processOnly{}, named("inner"), named("outer"))
	if _, err := task.Process(t.Context(), ergon.NewTransaction("t-1", 7)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"outer", "inner"}, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestTaskOfPlainFunctionsIsValidWithAProcess(t *testing.T) {
	if err := (ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return "done", nil }}).Validate(); err != nil {
		t.Error(err)
	}
	err := ergon.Task{}.Validate()
	want := "task has no Process function; make it with ergon.Consume or set ergon.Task.Process"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Near misses: methods with a handler's name that are not the handler.

type successWithPointer struct{ processOnly }

func (successWithPointer) HandleProcessSuccess(context.Context, *ergon.TransactionOf[int], string) error {
	return nil
}

type successOfAnotherResult struct{ processOnly }

func (*successOfAnotherResult) HandleProcessSuccess(context.Context, ergon.TransactionOf[int], []byte) error {
	return nil
}

type successWithoutError struct{ processOnly }

func (successWithoutError) HandleProcessSuccess(context.Context, ergon.TransactionOf[int], string) {}

type exceptionWithError struct{ processOnly }

func (exceptionWithError) HandleProcessException(context.Context, ergon.Transaction, error) (ergon.Disposition, error) {
	return ergon.Discard(), nil
}

type exceptionWithoutDisposition struct{ processOnly }

func (*exceptionWithoutDisposition) HandleProcessException(context.Context, ergon.Transaction, *ergon.TransactionError) error {
	return nil
}

type variadicException struct{ processOnly }

func (variadicException) HandleProcessException(context.Context, ...ergon.Transaction) {}

type lostToPointer struct{ processOnly }

func (*lostToPointer) HandleProcessSuccess(context.Context, ergon.TransactionOf[int], string) error {
	return nil
}

func (*lostToPointer) HandleProcessException(
	context.Context, ergon.Transaction, *ergon.TransactionError,
) (ergon.Disposition, error) {
	return ergon.Discard(), nil
}

func TestNearMissOfAHandlerIsAFaultThatShowsTheRightSignature(t *testing.T) {
	const (
		success   = "it should be HandleProcessSuccess(context.Context, ergon.TransactionOf[int], string) error"
		exception = "it should be HandleProcessException(context.Context, ergon.Transaction, *ergon.TransactionError) " +
			"(ergon.Disposition, error)"
		lost = " has a pointer receiver, but the task was given as a value, so it would never be called; " +
			"give ergon.Consume a pointer: &ergon_test.lostToPointer{…}"
	)
	for name, c := range map[string]struct {
		task ergon.ConsumerTask[int, string]
		want string
	}{
		"no miss":   {&whole{}, ""},
		"no method": {processOnly{}, ""},
		"pointer argument": {
			successWithPointer{},
			"ergon_test.successWithPointer.HandleProcessSuccess is not the handler of that name: " +
				"it is func(context.Context, *ergon.TransactionOf[int], string) error, " + success,
		},
		"result of another type": {
			&successOfAnotherResult{},
			"*ergon_test.successOfAnotherResult.HandleProcessSuccess is not the handler of that name: " +
				"it is func(context.Context, ergon.TransactionOf[int], []uint8) error, " + success,
		},
		"no error": {
			successWithoutError{},
			"ergon_test.successWithoutError.HandleProcessSuccess is not the handler of that name: " +
				"it is func(context.Context, ergon.TransactionOf[int], string), " + success,
		},
		"error argument": {
			exceptionWithError{},
			"ergon_test.exceptionWithError.HandleProcessException is not the handler of that name: " +
				"it is func(context.Context, ergon.Transaction, error) (ergon.Disposition, error), " + exception,
		},
		"no disposition": {
			&exceptionWithoutDisposition{},
			"*ergon_test.exceptionWithoutDisposition.HandleProcessException is not the handler of that name: " +
				"it is func(context.Context, ergon.Transaction, *ergon.TransactionError) error, " + exception,
		},
		"variadic": {
			variadicException{},
			"ergon_test.variadicException.HandleProcessException is not the handler of that name: " +
				"it is func(context.Context, ...ergon.Transaction), " + exception,
		},
		"lost to a pointer receiver": {
			lostToPointer{},
			"ergon_test.lostToPointer.HandleProcessSuccess" + lost + "\n" + "ergon_test.lostToPointer.HandleProcessException" + lost,
		},
		"pointer to it": {&lostToPointer{}, ""},
		"nil":           {nil, "ergon.Consume was given a nil task"},
		"nil pointer":   {(*whole)(nil), "ergon.Consume was given a nil task"},
	} {
		t.Run(name, func(t *testing.T) {
			err := ergon.Consume(c.task).Validate()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("got %v, want no fault", err)
			case c.want != "" && (err == nil || err.Error() != c.want):
				t.Errorf("got\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

func TestNilDecoratorIsAFaultBesideTheOthers(t *testing.T) {
	same := func(task ergon.Task) ergon.Task { return task }
	err := ergon.Consume(successWithoutError{}, same, nil).Validate()
	faults, ok := err.(interface{ Unwrap() []error })
	if !ok || len(faults.Unwrap()) != 2 {
		t.Fatalf("got %v, want two faults", err)
	}
	if got, want := faults.Unwrap()[1].Error(), "ergon.Consume was given a nil decorator, number 2 of 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

var errOwn = errors.New("limit must be set")
