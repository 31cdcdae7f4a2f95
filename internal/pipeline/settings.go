package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/ask"
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
	return errors.Join(append(faults, s.validateHold(declared.MaxHold), s.validateLease())...)
}

// validateHold refuses a transaction timeout that the source does not allow [K7]. The default gives way.
func (s Settings) validateHold(maxHold time.Duration) error {
	longest, timeout := longestWork(maxHold), s.Policy.Loop.TransactionTimeout
	if maxHold <= 0 || timeout <= longest || timeout == policy.DefaultConsumer().Loop.TransactionTimeout {
		return nil
	}
	return fmt.Errorf("loop.transaction_timeout: is %s, but connector %q lets a delivery be held for %s at most, and a tenth of that is "+
		"for its settlement; set it to %s or less, or raise the limit of the source", timeout, s.Policy.Fetch.Connector, maxHold, longest)
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

func (s Settings) validateLease() error {
	keeper, leased := capability.As[capability.LeaseKeeper](s.Source)
	if !leased {
		return nil
	}
	var faults []error
	switch lease, err := leaseOf(keeper); {
	case err != nil:
		faults = append(faults, fmt.Errorf("connector %q does not say how long its leases are: %w", s.Policy.Fetch.Connector, err))
	case lease < capability.ShortestLease:
		faults = append(faults, fmt.Errorf("a lease of %s, which connector %q gives, is too short to be extended in time, "+
			"must be at least %s; lengthen it, and leave it short: it is extended for as long as an attempt takes",
			lease, s.Policy.Fetch.Connector, capability.ShortestLease))
	}
	if p, most := s.Policy.Loop.Batch.Prefetch, s.Policy.Loop.Concurrency.MaxRunning(); p > most {
		faults = append(faults, fmt.Errorf("loop.batch.prefetch: %d is more than the %d that run at once, "+
			"so leases of connector %q would be held by transactions that only wait; lower it",
			p, most, s.Policy.Fetch.Connector))
	}
	return errors.Join(faults...)
}

func leaseOf(keeper capability.LeaseKeeper) (time.Duration, error) {
	return ask.For(fmt.Sprintf("LeaseDuration of %T", keeper), keeper.LeaseDuration)
}
