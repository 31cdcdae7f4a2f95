package pipeline

import (
	"errors"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
)

// Settings is what a loop is made of. All connectors are open.
type Settings struct {
	// Task and Worker are names for telemetry.
	Task, Worker string
	// Identity is what ids of outputs derive from, besides the inbound id: ergon.TaskConfig.OutputIdentity. "": nothing else.
	Identity string
	Handlers ergon.Task
	Source   ergon.Fetcher
	// DeadLetters may be nil if the policy does not need it.
	DeadLetters ergon.Dispatcher
	Policy      policy.Consumer
	// Producer governs what is produced: by a producing loop, or by a hybrid task.
	Producer policy.Producer
	Shutdown policy.Shutdown
	// Force, when it is closed, cuts the shutdown short: handlers are cancelled and given up at once. Nil: never.
	Force <-chan struct{}
	// Hanging counts calls that do not return; nil: those of this loop alone.
	Hanging *Hanging
	// OnSettle, if set, receives how many transactions of a batch have an outcome, before they are settled: if the process dies then, the
	// count is known. Called concurrently.
	OnSettle func(Outcome, int64)
	// OnEnd, if set, is called for every transaction whose lifecycle has ended, before it is settled. Called concurrently.
	OnEnd func(Result)
	// Quota, if set, is the loop.limit that the loop shares with others. Nil: it has the limit to itself.
	Quota Quota
	// Recorder, if set, keeps the outcomes of the last transactions.
	Recorder *observe.Recorder
	// TracerProvider, MeterProvider and Logger are the global ones if nil. They are read when the loop is made.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	Logger         *slog.Logger
	// ContinueTraces makes the context that a transaction carries the parent of its span. Otherwise it is a link.
	ContinueTraces bool

	single   bool // of [Process]: there is no source to settle with
	produces bool // it is a producing loop
}

// Result is the outcome of one transaction.
type Result struct {
	Transaction ergon.Transaction
	Outcome     Outcome
	// Value is what the task's Process returned.
	Value any
	// Err is nil if the transaction succeeded.
	Err error

	kept error // Err without foreign code: reading it calls no foreign methods
}

func resultOf(f *flight) Result {
	r := Result{Transaction: *f.tx, Outcome: f.verdict.outcome, Value: f.result}
	switch cause := causeOf(f); {
	case f.verdict.outcome == Succeeded:
	case f.verdict.outcome == Interrupted:
		r.Err = ergon.ErrInterrupted
	case f.verdict.outcome == Redelivered:
		r.Err = capability.ErrStaleDelivery
	case cause != nil:
		r.Err, r.kept = foreign.CopyAsReturned(cause), copyOf(cause)
	}
	return r
}

// Validate reports everything that cannot work, all faults at once [C2]. [New] does so too.
func (s Settings) Validate() error {
	declared, err := capability.DeclarationOf(s.Source)
	if err != nil {
		return fmt.Errorf("connector %q does not say what it is: %w", s.Policy.Fetch.Connector, err)
	}
	faults := []error{s.Handlers.Validate(), s.Policy.Validate(), s.Shutdown.Validate()}
	if s.Handlers.Process == nil && s.Handlers.Validate() == nil {
		faults = append(faults, errors.New("the task has no Process function, so it cannot consume; "+
			"make it with ergon.Consume or ergon.Hybrid"))
	}
	if s.Source == nil {
		faults = append(faults, fmt.Errorf("fetch.connector: %q is not a source, because it cannot fetch", s.Policy.Fetch.Connector))
	}
	if s.Handlers.Prepare != nil {
		faults = append(faults, s.hybridFaults()...)
	}
	_, settles := capability.As[capability.Settler](s.Source)
	loop := s.Policy.Loop
	switch {
	case loop.OnException == policy.OnExceptionRequeue && !settles:
		faults = append(faults, fmt.Errorf("loop.on_exception: requeue, but connector %q cannot requeue; use dead_letter or discard",
			s.Policy.Fetch.Connector))
	case loop.OnException == policy.OnExceptionDeadLetter && s.DeadLetters == nil && loop.DeadLetter != policy.DeadLetterSource:
		faults = append(faults, fmt.Errorf("loop.dead_letter: %q is not a sink; name one", loop.DeadLetter))
	case loop.DeadLetter == policy.DeadLetterSource && loop.OnException == policy.OnExceptionDeadLetter && !settles:
		faults = append(faults, fmt.Errorf("loop.dead_letter: source, but connector %q cannot keep dead letters; "+
			"name a connector",
			s.Policy.Fetch.Connector))
	}
	if loop.Outage.After > 0 && !settles {
		faults = append(faults, fmt.Errorf("loop.outage: connector %q cannot requeue, and outage mode requires that; set after to 0",
			s.Policy.Fetch.Connector))
	}
	if declared.WholeBatches && loop.Mode != policy.ModeBatch {
		faults = append(faults, fmt.Errorf("loop.mode: continuous, but connector %q needs all of a fetch settled before "+
			"the next; set it to batch", s.Policy.Fetch.Connector))
	}
	return errors.Join(append(faults, s.validateHold(declared.MaxHold), s.validateLease())...)
}

// hybridFaults are the faults of the producer policy of a hybrid task.
func (s Settings) hybridFaults() []error {
	joined, ok := s.Producer.Validate().(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	faults := joined.Unwrap()
	for i, fault := range faults {
		faults[i] = fmt.Errorf("producer.%w", fault)
	}
	return faults
}
