package policy

import "time"

// Mode says when a loop fetches.
type Mode string

const (
	// ModeContinuous fetches as soon as a slot is free.
	ModeContinuous Mode = "continuous"
	// ModeBatch finishes a batch before it fetches the next.
	ModeBatch Mode = "batch"
)

// Execution says how transactions get a goroutine.
type Execution string

const (
	// ExecutionAsync runs a goroutine for each transaction, under a semaphore. It is for work that waits, with 100,000 and more
	// in flight.
	ExecutionAsync Execution = "async"
	// ExecutionSync runs a fixed pool of goroutines, one transaction each from start to end. It is for work that blocks or
	// computes.
	ExecutionSync Execution = "sync"
)

// OnException says what happens to a failed transaction if its exception handler does not decide.
type OnException string

const (
	// OnExceptionDeadLetter writes it to the dead-letter connector.
	OnExceptionDeadLetter OnException = "dead_letter"
	// OnExceptionRequeue requeues it to the source.
	OnExceptionRequeue OnException = "requeue"
	// OnExceptionDiscard acknowledges it: it is deleted.
	OnExceptionDiscard OnException = "discard"
)

// DeadLetterSource as Loop.DeadLetter leaves dead letters to the source: the engine rejects them there. It is for
// brokers that have a dead-letter queue of their own.
const DeadLetterSource = "source"

// Ordering says which transactions wait for each other.
type Ordering string

const (
	// OrderingNone runs transactions in any order.
	OrderingNone Ordering = "none"
	// OrderingKey runs transactions with the same ordering key one at a time and in order.
	OrderingKey Ordering = "key"
)

// Loop governs a consuming loop.
type Loop struct {
	// Mode is continuous (default) or batch.
	Mode Mode `yaml:"mode"`
	// Execution is async (default) or sync.
	Execution Execution `yaml:"execution"`
	// OSThreads pins each sync worker to an operating system thread, for C libraries with thread-local state. Default false.
	OSThreads bool `yaml:"os_threads"`
	// Streaming keeps the loop polling when the source is empty; otherwise the loop ends. Default false.
	Streaming bool `yaml:"streaming"`
	// Limit is the maximum number of transactions to start; 0 means no limit. Default 0.
	Limit int64 `yaml:"limit"`
	// Timeout limits the duration of the loop: then fetching stops, and transactions in flight have the shutdown's
	// grace. 0 means no limit. Default 0.
	Timeout time.Duration `yaml:"timeout"`
	// TransactionTimeout limits process and success together, including their backoffs; the exception phase has its own
	// budget after it. 0 means no limit. Default 5m.
	TransactionTimeout time.Duration `yaml:"transaction_timeout"`
	// Batch is how much is fetched at once.
	Batch Batch `yaml:"batch"`
	// Concurrency is how many transactions run at once.
	Concurrency Concurrency `yaml:"concurrency"`
	// EmptyQueue is how long to wait after an empty fetch, while streaming.
	EmptyQueue EmptyQueue `yaml:"empty_queue"`
	// OnException is what happens to a failed transaction: dead_letter (default), requeue or discard.
	OnException OnException `yaml:"on_exception"`
	// DeadLetter is the name of the connector for dead letters, or "source" for a source that keeps rejected
	// transactions itself. It is required if OnException is dead_letter. Default "dead_letters".
	DeadLetter string `yaml:"dead_letter"`
	// Ordering is none (default) or key.
	Ordering Ordering `yaml:"ordering"`
	// Order limits how many transactions ordering by key holds back.
	Order Order `yaml:"order"`
	// Outage is when to stop trying because everything fails.
	Outage Outage `yaml:"outage"`
	// MaxUnsettled is the maximum number of transactions of one partition that have ended and wait for one before them,
	// if the source settles in order. At this number fetching pauses. At least 1. Default 1000.
	MaxUnsettled int `yaml:"max_unsettled"`
	// HoldAtMost is the maximum time for which the loop itself keeps a requeued transaction, because its source would
	// not keep the order of its key, or takes nothing back. One that is kept longer fails and becomes a dead letter. After the same time a
	// transaction that an outage holds is requeued to the source. More than 0. Default 15m.
	HoldAtMost time.Duration `yaml:"hold_at_most"`
}

// Order limits how many transactions ordering by key holds back.
type Order struct {
	// Held is the maximum number of fetched transactions that wait for others of their key, if the loop keeps the
	// order. At this number fetching pauses. Below it, a backlog of one key does not delay other keys. At least 1.
	// Default 10000.
	Held int `yaml:"held"`
}

const (
	defaultHeld       = 10_000
	defaultHoldAtMost = 15 * time.Minute

	defaultMaxUnsettled = 1000
)

// DefaultOrder returns a maximum of 10,000.
func DefaultOrder() Order { return Order{Held: defaultHeld} }

// DefaultLoop returns a loop that ends when its source is empty and runs 16 transactions at once.
func DefaultLoop() Loop {
	return Loop{
		Mode:               ModeContinuous,
		Execution:          ExecutionAsync,
		TransactionTimeout: 5 * time.Minute,
		Batch:              DefaultBatch(),
		Concurrency:        DefaultConcurrency(),
		EmptyQueue:         DefaultEmptyQueue(),
		OnException:        OnExceptionDeadLetter,
		DeadLetter:         "dead_letters",
		Ordering:           OrderingNone,
		Order:              DefaultOrder(),
		Outage:             DefaultOutage(),
		MaxUnsettled:       defaultMaxUnsettled,
		HoldAtMost:         defaultHoldAtMost,
	}
}

func (l Loop) validate(at path) faults {
	var f faults
	oneOf(&f, at.key("mode"), l.Mode, ModeContinuous, ModeBatch)
	oneOf(&f, at.key("execution"), l.Execution, ExecutionAsync, ExecutionSync)
	oneOf(&f, at.key("on_exception"), l.OnException, OnExceptionDeadLetter, OnExceptionRequeue, OnExceptionDiscard)
	oneOf(&f, at.key("ordering"), l.Ordering, OrderingNone, OrderingKey)
	if l.OSThreads && l.Execution != ExecutionSync {
		f.addf(at.key("os_threads"), "needs execution: sync; an async transaction has no thread of its own")
	}
	if l.Limit < 0 {
		f.addf(at.key("limit"), "is %d, must not be negative (0 means no limit)", l.Limit)
	}
	if l.OnException == OnExceptionDeadLetter && l.DeadLetter == "" {
		f.addf(at.key("dead_letter"), "is empty, but on_exception is dead_letter; name a connector, or %q for a source with "+
			"a dead-letter queue of its own, or set on_exception to requeue or discard", DeadLetterSource)
	}
	f.notNegative(at.key("timeout"), l.Timeout)
	f.notNegative(at.key("transaction_timeout"), l.TransactionTimeout)
	f.atLeast(at.key("order").key("held"), l.Order.Held, 1, "something has to be fetched")
	f.atLeast(at.key("max_unsettled"), l.MaxUnsettled, 1, "something has to be fetched")
	f.positive(at.key("hold_at_most"), l.HoldAtMost, "held transactions need a limit")
	if l.HoldAtMost > 0 && l.Batch.Fill > l.HoldAtMost {
		f.addf(at.key("batch").key("fill"), "is %s, longer than loop.hold_at_most %s; lower it", l.Batch.Fill, l.HoldAtMost)
	}
	if l.Batch.Fill > 0 && l.Mode != ModeBatch {
		f.addf(at.key("batch").key("fill"), "is %s, but a loop in mode: %s refills at once; set mode: batch", l.Batch.Fill, l.Mode)
	}
	f = append(f, l.Batch.validate(at.key("batch"))...)
	f = append(f, l.Concurrency.validate(at.key("concurrency"))...)
	f = append(f, l.EmptyQueue.validate(at.key("empty_queue"))...)
	return append(f, l.Outage.validate(at.key("outage"))...)
}
