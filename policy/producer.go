package policy

import (
	"math"
	"time"
)

// Producer is the policy of producing: of a loop over transactions to send, and of the outbound transactions of a
// hybrid task.
type Producer struct {
	// Loop is the concurrency, the rate and the time limits.
	Loop ProducerLoop `yaml:"loop"`
	// Prepare governs preparing a transaction, which dispatches it.
	Prepare Step `yaml:"prepare"`
	// Success governs the handler of prepared transactions.
	Success Step `yaml:"success"`
	// Exception governs the handler of transactions that could not be prepared.
	Exception Step `yaml:"exception"`
}

// ProducerLoop governs a producing loop. For the outbound transactions of a hybrid task it governs the concurrency, the
// throttle, the batches and the transaction timeout; the consuming loop governs the rest.
type ProducerLoop struct {
	// Execution is async (default) or sync.
	Execution Execution `yaml:"execution"`
	// OSThreads pins each sync worker to an operating system thread, for C libraries with thread-local state. Default false.
	OSThreads bool `yaml:"os_threads"`
	// Limit is the maximum number of transactions to start; 0 means no limit. Default 0.
	Limit int64 `yaml:"limit"`
	// Timeout limits the duration of the loop: then no more transactions are taken, and transactions in flight have the
	// shutdown's grace. 0 means no limit. Default 0.
	Timeout time.Duration `yaml:"timeout"`
	// TransactionTimeout limits prepare and success together, including their backoffs; the exception phase has its own
	// budget after it. 0 means no limit. Default 5m.
	TransactionTimeout time.Duration `yaml:"transaction_timeout"`
	// Batch is how concurrent dispatches to one connector are merged into one call.
	Batch ProducerBatch `yaml:"batch"`
	// Concurrency is how many transactions are prepared at once by a worker.
	Concurrency Concurrency `yaml:"concurrency"`
	// Throttle limits how many transactions are started in a second.
	Throttle Throttle `yaml:"throttle"`
	// Ordering is none (default) or key.
	Ordering Ordering `yaml:"ordering"`
}

// ProducerBatch is how concurrent dispatches to one connector are merged into one call.
type ProducerBatch struct {
	// Size is the maximum number of transactions in one call; a single dispatch may have more. 1 merges nothing. At
	// least 1. Default 100.
	Size int `yaml:"size"`
	// Interval is the maximum time for which a dispatch waits for the end of a call in progress, to be merged with
	// others into the next call. After that a second call starts. If no call is in progress, a dispatch never waits.
	// Default 5ms.
	Interval time.Duration `yaml:"interval"`
}

// Throttle limits how many transactions are started in a second. Only first attempts count.
type Throttle struct {
	// Rate is the average number in a second; it may be a fraction. 0 means no limit. Default 0.
	Rate float64 `yaml:"rate"`
	// Burst is how many may be started at once after a pause. At least 1. Default 1.
	Burst int `yaml:"burst"`
}

// DefaultProducer returns the policy that YAML is decoded onto.
func DefaultProducer() Producer {
	step := Step{Retry: DefaultRetry()}
	return Producer{
		Loop: ProducerLoop{
			Execution:          ExecutionAsync,
			TransactionTimeout: 5 * time.Minute,
			Batch:              ProducerBatch{Size: 100, Interval: 5 * time.Millisecond},
			Concurrency:        DefaultConcurrency(),
			Throttle:           Throttle{Burst: 1},
			Ordering:           OrderingNone,
		},
		Prepare:   step,
		Success:   step,
		Exception: step,
	}
}

// Validate reports every fault of p, each a *Fault with the path of its YAML key.
func (p Producer) Validate() error {
	f := p.Loop.validate("loop")
	f = append(f, p.Prepare.Retry.validate("prepare.retry")...)
	f = append(f, p.Success.Retry.validate("success.retry")...)
	f = append(f, p.Exception.Retry.validate("exception.retry")...)
	if exceeds(p.Prepare.Retry.Timeout, p.Loop.TransactionTimeout) {
		f.addf("prepare.retry.timeout", "%s is longer than loop.transaction_timeout %s, so it could never be reached; lower it",
			p.Prepare.Retry.Timeout, p.Loop.TransactionTimeout)
	}
	return f.join()
}

func (l ProducerLoop) validate(at path) faults {
	var f faults
	oneOf(&f, at.key("execution"), l.Execution, ExecutionAsync, ExecutionSync)
	oneOf(&f, at.key("ordering"), l.Ordering, OrderingNone, OrderingKey)
	if l.OSThreads && l.Execution != ExecutionSync {
		f.addf(at.key("os_threads"), "needs execution: sync; an async transaction has no thread of its own")
	}
	if l.Limit < 0 {
		f.addf(at.key("limit"), "is %d, must not be negative (0 means no limit)", l.Limit)
	}
	f.notNegative(at.key("timeout"), l.Timeout)
	f.notNegative(at.key("transaction_timeout"), l.TransactionTimeout)
	f.atLeast(at.key("batch.size"), l.Batch.Size, 1, "1 sends each dispatch separately")
	f.notNegative(at.key("batch.interval"), l.Batch.Interval)
	f = append(f, l.Concurrency.validate(at.key("concurrency"))...)
	return append(f, l.Throttle.validate(at.key("throttle"))...)
}

func (t Throttle) validate(at path) faults {
	var f faults
	if math.IsNaN(t.Rate) || math.IsInf(t.Rate, 0) || t.Rate < 0 {
		f.addf(at.key("rate"), "is %v, must not be negative (0 means no bound)", t.Rate)
	}
	f.atLeast(at.key("burst"), t.Burst, 1, "nothing could be started")
	return f
}
