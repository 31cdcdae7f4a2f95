package ergon

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/ergon-go/ergon/policy"
)

// ConsumerTask is the contract of a consuming task. ProcessTransaction is called concurrently, each time with a freshly
// decoded Body. Return [Business] for a rule that says no; every other error is retried as the policy says. At the
// attempt's deadline ctx ends, and the lifecycle goes on without waiting for the function to return: what it returns
// later is discarded, so effects made after that are its own responsibility.
type ConsumerTask[In, Out any] interface {
	ProcessTransaction(ctx context.Context, tx TransactionOf[In]) (Out, error)
}

// ProcessSuccessHandler is an optional part of a ConsumerTask: it runs after ProcessTransaction succeeded, with a policy
// of its own. All its attempts get the same result value.
type ProcessSuccessHandler[In, Out any] interface {
	HandleProcessSuccess(ctx context.Context, tx TransactionOf[In], result Out) error
}

// ProcessExceptionHandler is an optional part of a ConsumerTask: it runs after processing, or the success handler, failed
// for good. It gets the untyped transaction, because decoding may be what failed.
type ProcessExceptionHandler interface {
	HandleProcessException(ctx context.Context, tx Transaction, cause *TransactionError) (Disposition, error)
}

// Consume makes a Task from a typed one; In and Out are inferred from its methods. The optional handlers are found here,
// once. A method with a handler's name that is not the handler (another signature, or lost to a pointer receiver) is a
// fault that [Task.Validate] reports, with the signature that it should have.
func Consume[In, Out any](t ConsumerTask[In, Out], with ...Decorator) Task {
	bytes := &codec{}
	task := Task{codec: bytes}
	if t == nil || isNilPointer(t) {
		task.faults = append(task.faults, errors.New("ergon.Consume was given a nil task"))
		return task
	}
	decoder := newDecoder[In](bytes)
	task.Process = processWith(decoder, t)
	if h, ok := t.(ProcessSuccessHandler[In, Out]); ok {
		task.Success = succeedWith(decoder, h)
	}
	if h, ok := t.(ProcessExceptionHandler); ok {
		task.Exception = h.HandleProcessException
	}
	task.faults = append(task.faults, nearMisses[In, Out](t, task)...)
	for i, decorate := range with {
		if decorate == nil {
			task.faults = append(task.faults, fmt.Errorf("ergon.Consume was given a nil decorator, number %d of %d", i+1, len(with)))
			continue
		}
		task = decorate(task)
	}
	return task
}

func processWith[In, Out any](d decoder[In], t ConsumerTask[In, Out]) func(context.Context, Transaction) (any, error) {
	return func(ctx context.Context, tx Transaction) (any, error) {
		body, err := decodeBody(d, tx)
		if err != nil {
			return nil, err
		}
		return t.ProcessTransaction(ctx, TransactionOf[In]{Transaction: tx, Body: body})
	}
}

func succeedWith[In, Out any](d decoder[In], h ProcessSuccessHandler[In, Out]) func(context.Context, Transaction, any) error {
	return func(ctx context.Context, tx Transaction, result any) error {
		body, err := decodeBody(d, tx)
		if err != nil {
			return err
		}
		out, ok := result.(Out)
		if !ok && result != nil { // nil is the nil of an Out that is an interface
			return Permanent(fmt.Errorf("result of processing is a %T, but the success handler takes a %s; a decorator has changed it",
				result, reflect.TypeFor[Out]()))
		}
		return h.HandleProcessSuccess(ctx, TransactionOf[In]{Transaction: tx, Body: body}, out)
	}
}

func isNilPointer(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// decodeBody marks a failure as BUSINESS in phase decode: another attempt would fail the same.
func decodeBody[In any](d decoder[In], tx Transaction) (In, error) {
	body, err := d.decode(tx.payload)
	if err != nil {
		return body, &TransactionError{
			Category: CategoryBusiness, Phase: policy.PhaseDecode, TransactionID: tx.id, Attempts: 1,
			Err: fmt.Errorf("decode payload into %s: %w", reflect.TypeFor[In](), err),
		}
	}
	return body, nil
}

func nearMisses[In, Out any](t ConsumerTask[In, Out], task Task) []error {
	var faults []error
	if task.Success == nil {
		faults = append(faults, nearMiss(reflect.TypeOf(t), reflect.TypeFor[ProcessSuccessHandler[In, Out]]())...)
	}
	if task.Exception == nil {
		faults = append(faults, nearMiss(reflect.TypeOf(t), reflect.TypeFor[ProcessExceptionHandler]())...)
	}
	return faults
}

func nearMiss(task, handler reflect.Type) []error {
	want := handler.Method(0)
	signature := want.Name + "(" + want.Type.String()[len("func("):]
	if got, ok := task.MethodByName(want.Name); ok {
		return []error{fmt.Errorf("%s.%s is not the handler of that name: it is %s, it should be %s",
			task, want.Name, withoutReceiver(got.Type), signature)}
	}
	if task.Kind() == reflect.Pointer {
		return nil
	}
	if _, ok := reflect.PointerTo(task).MethodByName(want.Name); ok {
		return []error{fmt.Errorf("%s.%s has a pointer receiver, but the task was given as a value, so it would never be called; "+
			"give ergon.Consume a pointer: &%s{…}", task, want.Name, task)}
	}
	return nil
}

func withoutReceiver(method reflect.Type) string {
	in := slices.Collect(method.Ins())[1:]
	return reflect.FuncOf(in, slices.Collect(method.Outs()), method.IsVariadic()).String()
}
