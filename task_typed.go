package ergon

import (
	"context"
	"fmt"
	"reflect"

	"github.com/ergon-go/ergon/internal/nearmiss"
	"github.com/ergon-go/ergon/policy"
)

// ConsumerTask is the contract of a consuming task. ProcessTransaction is called concurrently, each time with a freshly decoded
// Body. Return [Business] if a business rule rejects the transaction; every other error is retried as the policy says. At the
// deadline of the attempt, ctx ends and the lifecycle continues without waiting for the function. A later result is discarded, so
// the function itself is responsible for later effects.
//
// These parts are optional: [ProcessSuccessHandler] and [ProcessExceptionHandler].
type ConsumerTask[In, Out any] interface {
	ProcessTransaction(ctx context.Context, tx TransactionOf[In]) (Out, error)
}

// ProcessSuccessHandler is an optional part of a [ConsumerTask]. It runs after ProcessTransaction succeeded, with its own policy.
// Every attempt gets the same result value.
type ProcessSuccessHandler[In, Out any] interface {
	HandleProcessSuccess(ctx context.Context, tx TransactionOf[In], result Out) error
}

// ProcessExceptionHandler is an optional part of a [ConsumerTask]. It runs after ProcessTransaction or the success handler failed
// permanently, with its own policy. It gets the untyped transaction, because decoding the payload may have failed. Each call gets
// a copy of the failure.
type ProcessExceptionHandler interface {
	HandleProcessException(ctx context.Context, tx Transaction, cause *TransactionError) (Disposition, error)
}

// Consume makes a Task from a typed one; In and Out are inferred from its methods. It looks for the optional methods once: those
// of a [ConsumerTask], Execute(ctx, [TaskRun]) error, which replaces the consuming loop, and Exit(ctx) error, which runs after
// it. If a method has such a name but another signature, or needs a pointer receiver that t does not have, [Task.Validate]
// reports a fault with the expected signature.
func Consume[In, Out any](t ConsumerTask[In, Out], with ...Decorator) Task {
	const by = "ergon.Consume"
	task, ok := newTask(by, t)
	if !ok {
		return task
	}
	task.faults = append(task.faults, consume(by, &task, t)...)
	task.faults = append(task.faults, nearmiss.Uncalled(by, reflect.TypeOf(t), "PrepareTransaction", "make it with ergon.Hybrid")...)
	if reflect.TypeFor[Out]() == reflect.TypeFor[[]Transaction]() && task.Success == nil {
		task.faults = append(task.faults, fmt.Errorf("%T.ProcessTransaction returns transactions, and nothing would send them; "+
			"add PrepareTransaction and make it with ergon.Hybrid", t))
	}
	return task.finish(by, t, with)
}

// Produce makes a Task from a typed one that prepares transactions; P is inferred from its method. It finds the optional methods
// of a [ProducerTask], Execute and Exit as [Consume] does.
func Produce[P any](t ProducerTask[P], with ...Decorator) Task {
	const by = "ergon.Produce"
	task, ok := newTask(by, t)
	if !ok {
		return task
	}
	source, produces := t.(TransactionSource)
	if produces {
		task.Transactions = source.Transactions
	}
	task.faults = append(task.faults, produce(by, &task, t, nearmiss.Method(reflect.TypeFor[TransactionSource](), produces))...)
	task.faults = append(task.faults, nearmiss.Uncalled(by, reflect.TypeOf(t), "ProcessTransaction", "make it with ergon.Hybrid")...)
	return task.finish(by, t, with)
}

// Hybrid makes a Task from a type that is both a [ConsumerTask] and a [ProducerTask]: the result of the first is outbound
// transactions, and the second prepares them. Each is prepared by the producer policy, within the timeout of the inbound
// transaction. Then the success handler runs, and the inbound transaction is acknowledged. If one cannot be prepared, the inbound
// transaction goes to its exception handler, with phase "prepare". For the ids of outbound transactions see [Task.Outbound].
func Hybrid[In, P any](t interface {
	ConsumerTask[In, []Transaction]
	ProducerTask[P]
}, with ...Decorator,
) Task {
	const by = "ergon.Hybrid"
	task, ok := newTask(by, t)
	if !ok {
		return task
	}
	task.faults = append(task.faults, consume[In, []Transaction](by, &task, t)...)
	task.faults = append(task.faults, produce[P](by, &task, t)...)
	task = task.finish(by, t, with)
	if task.Execute == nil {
		task.faults = append(task.faults, nearmiss.Uncalled(by, reflect.TypeOf(t), "Transactions",
			"what it produces is what ProcessTransaction returns; rename the method, or call it in an Execute of the task")...)
	}
	return task
}

// newTask begins a task; not where there is nothing to make it of.
func newTask(by string, t any) (task Task, ok bool) {
	task = Task{codec: &codec{}}
	if t == nil || nilPointer(t) {
		task.faults = append(task.faults, fmt.Errorf("%s was given a nil task", by))
		return task, false
	}
	return task, true
}

// consume adds what consumes, and returns the near misses.
func consume[In, Out any](by string, task *Task, t ConsumerTask[In, Out]) []error {
	decoder := newDecoder[In](task.codec)
	task.Process = processWith(decoder, t)
	success, hasSuccess := t.(ProcessSuccessHandler[In, Out])
	if hasSuccess {
		task.Success = succeedWith(decoder, success)
	}
	exception, hasException := t.(ProcessExceptionHandler)
	if hasException {
		task.Exception = exception.HandleProcessException
	}
	return nearmiss.Of(by, reflect.TypeOf(t), []nearmiss.Optional{
		nearmiss.Method(reflect.TypeFor[ProcessSuccessHandler[In, Out]](), hasSuccess),
		nearmiss.Method(reflect.TypeFor[ProcessExceptionHandler](), hasException),
	})
}

// produce adds what produces, and returns the near misses, also of more.
func produce[P any](by string, task *Task, t ProducerTask[P], more ...nearmiss.Optional) []error {
	decoder := newDecoder[P](task.codec)
	task.Prepare = prepareWith(decoder, t.PrepareTransaction)
	success, hasSuccess := t.(PrepareSuccessHandler[P])
	if hasSuccess {
		task.PrepareSuccess = prepareWith(decoder, success.HandlePrepareSuccess)
	}
	exception, hasException := t.(PrepareExceptionHandler)
	if hasException {
		task.PrepareException = exception.HandlePrepareException
	}
	return nearmiss.Of(by, reflect.TypeOf(t), append(more,
		nearmiss.Method(reflect.TypeFor[PrepareSuccessHandler[P]](), hasSuccess),
		nearmiss.Method(reflect.TypeFor[PrepareExceptionHandler](), hasException),
	))
}

// finish adds what every task may have, and decorates it.
func (t Task) finish(by string, of any, with []Decorator) Task {
	execute, executes := of.(executeMethod)
	if executes {
		t.Execute = execute.Execute
	}
	exit, exits := of.(exitMethod)
	if exits {
		t.Exit = exit.Exit
	}
	t.faults = append(t.faults, nearmiss.Of(by, reflect.TypeOf(of), []nearmiss.Optional{
		nearmiss.Method(reflect.TypeFor[executeMethod](), executes), nearmiss.Method(reflect.TypeFor[exitMethod](), exits),
	})...)
	t.making = true
	for i, decorate := range with {
		if decorate == nil {
			t.faults = append(t.faults, fmt.Errorf("%s was given a nil decorator, number %d of %d", by, i+1, len(with)))
			continue
		}
		t = decorate(t)
	}
	t.making = false
	return t
}

func prepareWith[P any](
	d decoder[P], call func(context.Context, TransactionOf[P]) error,
) func(context.Context, Transaction) error {
	return func(ctx context.Context, tx Transaction) error {
		body, err := decodeBody(ctx, d, tx)
		if err != nil {
			return err
		}
		return call(ctx, TransactionOf[P]{Transaction: tx, Body: body})
	}
}

func processWith[In, Out any](d decoder[In], t ConsumerTask[In, Out]) func(context.Context, Transaction) (any, error) {
	return func(ctx context.Context, tx Transaction) (any, error) {
		body, err := decodeBody(ctx, d, tx)
		if err != nil {
			return nil, err
		}
		return t.ProcessTransaction(ctx, TransactionOf[In]{Transaction: tx, Body: body})
	}
}

func succeedWith[In, Out any](d decoder[In], h ProcessSuccessHandler[In, Out]) func(context.Context, Transaction, any) error {
	return func(ctx context.Context, tx Transaction, result any) error {
		body, err := decodeBody(ctx, d, tx)
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

// decodeBody marks a failure as BUSINESS in phase decode: another attempt would fail the same.
func decodeBody[In any](ctx context.Context, d decoder[In], tx Transaction) (In, error) {
	body, err := d.decode(ctx, tx.payload)
	if err != nil {
		return body, &TransactionError{
			Category: CategoryBusiness, Phase: policy.PhaseDecode, TransactionID: tx.id, Attempts: 1,
			Err: fmt.Errorf("decode payload into %s: %w", reflect.TypeFor[In](), err),
		}
	}
	return body, nil
}

func nilPointer(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}
