package policy_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/policy"
)

func TestDefaultsAreValid(t *testing.T) {
	for name, err := range map[string]error{
		"consumer": policy.DefaultConsumer().Validate(), "retry": policy.DefaultRetry().Validate(),
		"workers": policy.DefaultWorkers().Validate(), "shutdown": policy.DefaultShutdown().Validate(),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// faultsOf returns the texts of the faults, and fails where one is no *policy.Fault.
func faultsOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T is no list of faults", err)
	}
	var texts []string
	for _, e := range joined.Unwrap() {
		fault, ok := errors.AsType[*policy.Fault](e)
		if !ok || fault.Path == "" || fault.Error() != fault.Path+": "+fault.Problem {
			t.Errorf("%#v is no complete fault", e)
		}
		texts = append(texts, e.Error())
	}
	return texts
}

// [C2] A default gives way to what was set; what was set does not.
func TestDefaultTimeoutGivesWayToTheTransactions(t *testing.T) {
	c, p := policy.DefaultConsumer(), policy.DefaultProducer()
	c.Loop.TransactionTimeout, p.Loop.TransactionTimeout = 10*time.Second, 10*time.Second
	if err := errors.Join(c.Validate(), p.Validate()); err != nil {
		t.Errorf("transaction_timeout: 10s alone is refused: %v", err)
	}
	for timeout, fine := range map[time.Duration]bool{10 * time.Second: true, 10*time.Second + 1: false, 31 * time.Second: false} {
		c.Process.Retry.Timeout, p.Prepare.Retry.Timeout = timeout, timeout
		if (c.Validate() == nil) != fine || (p.Validate() == nil) != fine {
			t.Errorf("an attempt of %s: %v, %v", timeout, c.Validate(), p.Validate())
		}
	}
}

func TestConsumerReportsEachFaultWithPathAndCure(t *testing.T) {
	const second = time.Second
	type consumer = policy.Consumer
	for want, spoil := range map[string]func(*consumer){
		`loop.mode: is "stream", must be one of ["continuous" "batch"]`: func(c *consumer) {
			c.Loop.Mode = "stream"
		},
		`loop.execution: is "", must be one of ["async" "sync"]`: func(c *consumer) {
			c.Loop.Execution = ""
		},
		`loop.ordering: is "fifo", must be one of ["none" "key"]`: func(c *consumer) {
			c.Loop.Ordering = "fifo"
		},
		`loop.on_exception: is "drop", must be one of ["dead_letter" "requeue" "discard"]`: func(c *consumer) {
			c.Loop.OnException = "drop"
		},
		"loop.os_threads: needs execution: sync; an async transaction has no thread of its own": func(c *consumer) {
			c.Loop.OSThreads = true
		},
		"loop.limit: is -1, must not be negative (0 means no limit)": func(c *consumer) { c.Loop.Limit = -1 },
		"loop.timeout: is -1s, must not be negative":                 func(c *consumer) { c.Loop.Timeout = -second },
		"loop.transaction_timeout: is -1s, must not be negative": func(c *consumer) {
			c.Loop.TransactionTimeout = -second
		},
		`loop.dead_letter: is empty, but on_exception is dead_letter; name a connector, or "source" for a source with a ` +
			"dead-letter queue of its own, or set on_exception to requeue or discard": func(c *consumer) {
			c.Loop.DeadLetter = ""
		},

		"loop.batch.size: is 0, must be at least 1 (it is what one fetch asks for)": func(c *consumer) {
			c.Loop.Batch.Size = 0
		},
		"loop.batch.prefetch: is -1, must be at least 0 (0 fetches only for free slots)": func(c *consumer) {
			c.Loop.Batch.Prefetch = -1
		},
		"loop.batch.interval: is -1s, must not be negative": func(c *consumer) {
			c.Loop.Batch.Interval = -second
		},
		"loop.batch: min_size 10, size 100 and max_size 50" + batchOrder: func(c *consumer) {
			c.Loop.Batch.MinSize, c.Loop.Batch.MaxSize = 10, 50
		},
		"loop.batch: min_size 0, size 100 and max_size 200" + batchOrder: func(c *consumer) {
			c.Loop.Batch.MaxSize = 200
		},
		"loop.batch: min_size 101, size 100 and max_size 200" + batchOrder: func(c *consumer) {
			c.Loop.Batch.MinSize, c.Loop.Batch.MaxSize = 101, 200
		},
		"loop.concurrency.value: is 0, must be at least 1 (nothing could run)": func(c *consumer) {
			c.Loop.Concurrency.Value = 0
		},
		"loop.concurrency.headroom: is -1, must be at least 0 (0 means as many as may run at once)": func(c *consumer) {
			c.Loop.Concurrency.Headroom = -1
		},
		"loop.concurrency.waiting: is -1, must be at least 0 (0 means four times as many as may run at once)": func(c *consumer) {
			c.Loop.Concurrency.Waiting = -1
		},
		"loop.batch.fill: is -1s, must not be negative": func(c *consumer) { c.Loop.Batch.Fill = -second },
		"loop.batch.fill: is 1s, but a loop in mode: continuous refills at once; set mode: batch": func(c *consumer) {
			c.Loop.Batch.Fill, c.Loop.Batch.MinSize, c.Loop.Batch.MaxSize = second, 100, 100
		},
		"loop.batch.fill: is 1s, but min_size, the number that a batch waits for, is not set; set min_size and max_size": func(c *consumer) {
			c.Loop.Mode, c.Loop.Batch.Fill = policy.ModeBatch, second
		},
		"loop.batch.fill: is 16m0s, longer than loop.hold_at_most 15m0s; lower it": func(c *consumer) {
			c.Loop.Mode, c.Loop.Batch.Fill = policy.ModeBatch, 16*time.Minute
			c.Loop.Batch.MinSize, c.Loop.Batch.MaxSize = 100, 100
		},
		"loop.order.held: is 0, must be at least 1 (something has to be fetched)": func(c *consumer) { c.Loop.Order.Held = 0 },
		"loop.max_unsettled: is 0, must be at least 1 (something has to be fetched)": func(c *consumer) {
			c.Loop.MaxUnsettled = 0
		},
		"loop.hold_at_most: is 0s, must be more than 0 (held transactions need a limit)": func(c *consumer) {
			c.Loop.HoldAtMost = 0
		},
		"loop.outage.same_probe: is -1, must be at least 0 (0 means 3)": func(c *consumer) { c.Loop.Outage.SameProbe = -1 },
		"loop.concurrency: min 1, value 16 and max 8" + concurrencyOrder: func(c *consumer) {
			c.Loop.Concurrency.Min, c.Loop.Concurrency.Max = 1, 8
		},
		"loop.concurrency: min 17, value 16 and max 20" + concurrencyOrder: func(c *consumer) {
			c.Loop.Concurrency.Min, c.Loop.Concurrency.Max = 17, 20
		},
		"loop.concurrency: min 4, value 16 and max 0" + concurrencyOrder: func(c *consumer) {
			c.Loop.Concurrency.Min = 4
		},

		"loop.empty_queue.backoff: is 0s, must be more than 0 (an empty source must not be polled without a pause)": func(c *consumer) {
			c.Loop.EmptyQueue.Backoff = 0
		},
		"loop.empty_queue.backoff_multiplier: is 0.5, must be at least 1 (1 keeps the delay constant)": func(c *consumer) {
			c.Loop.EmptyQueue.BackoffMultiplier = 0.5
		},
		"loop.empty_queue.interval: is -1s, must not be negative": func(c *consumer) {
			c.Loop.EmptyQueue.Interval = -second
		},
		"loop.empty_queue.jitter: is 1.1, must be from 0 to 1": func(c *consumer) { c.Loop.EmptyQueue.Jitter = 1.1 },
		"loop.empty_queue.backoff_cap: 50ms is shorter than backoff 100ms or interval 0s; raise it": func(c *consumer) {
			c.Loop.EmptyQueue.BackoffCap = 50 * time.Millisecond
		},
		"loop.empty_queue.backoff_cap: 4s is shorter than backoff 100ms or interval 6s; raise it": func(c *consumer) {
			c.Loop.EmptyQueue.Interval, c.Loop.EmptyQueue.BackoffCap = 6*second, 4*second
		},
		"loop.outage.after: is -1, must be at least 0 (0 switches outage mode off)": func(c *consumer) {
			c.Loop.Outage.After = -1
		},
		"loop.outage.probe_interval: is 0s, must be more than 0 (an outage must not be probed without a pause)": func(c *consumer) {
			c.Loop.Outage.ProbeInterval = 0
		},

		"fetch.connector: is empty, must name a connector": func(c *consumer) {
			c.Fetch.Connector = ""
		},
		"fetch.retry.max_attempts: is 0, must be at least 1 (1 means no retry)": func(c *consumer) {
			c.Fetch.Retry.MaxAttempts = 0
		},
		"process.retry.timeout: is 0s, must be more than 0 (an attempt needs a limit, such as 30s)": func(c *consumer) {
			c.Process.Retry.Timeout = 0
		},
		"process.retry.timeout: 6m0s is longer than loop.transaction_timeout 5m0s, so it could never be reached; lower it": func(c *consumer) {
			c.Process.Retry.Timeout = 6 * time.Minute
		},
		"success.retry.backoff: is -1s, must not be negative": func(c *consumer) {
			c.Success.Retry.Backoff = -second
		},
		"exception.retry.backoff_cap: is -1s, must not be negative": func(c *consumer) {
			c.Exception.Retry.BackoffCap = -second
		},
		"exception.retry.jitter: is -0.1, must be from 0 to 1": func(c *consumer) { c.Exception.Retry.Jitter = -0.1 },
		"settle.retry.backoff_multiplier: is NaN, must be at least 1 (1 keeps the delay constant)": func(c *consumer) {
			c.Settle.Retry.BackoffMultiplier = math.NaN()
		},
		"settle.retry.backoff_multiplier: is +Inf, must be at least 1 (1 keeps the delay constant)": func(c *consumer) {
			c.Settle.Retry.BackoffMultiplier = math.Inf(1)
		},
		"settle.retry.jitter: is NaN, must be from 0 to 1": func(c *consumer) { c.Settle.Retry.Jitter = math.NaN() },
		"settle.retry.backoff_cap: 100ms is shorter than backoff 200ms; raise the cap or lower the backoff": func(c *consumer) {
			c.Settle.Retry.BackoffCap = 100 * time.Millisecond
		},
		"settle.size: is 0, must be at least 1 (1 settles each transaction separately)": func(c *consumer) {
			c.Settle.Size = 0
		},
		"settle.interval: is -1s, must not be negative": func(c *consumer) {
			c.Settle.Interval = -second
		},
		"settle.requeue_delay: is -1s, must not be negative": func(c *consumer) {
			c.Settle.RequeueDelay = -second
		},
	} {
		c := policy.DefaultConsumer()
		spoil(&c)
		if diff := cmp.Diff([]string{want}, faultsOf(t, c.Validate())); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
	}
}

const (
	batchOrder       = " must be in this order, from 1; remove min_size and max_size for a fixed size"
	concurrencyOrder = " must be in this order, from 1; remove min and max for a fixed concurrency"
)

func TestBoundsThemselvesAreValid(t *testing.T) {
	for name, change := range map[string]func(*policy.Consumer){
		"one at a time":           func(c *policy.Consumer) { c.Loop.Batch.Size, c.Loop.Concurrency.Value = 1, 1 },
		"size at both ends":       func(c *policy.Consumer) { c.Loop.Batch.MinSize, c.Loop.Batch.MaxSize = 100, 100 },
		"concurrency at both":     func(c *policy.Consumer) { c.Loop.Concurrency.Min, c.Loop.Concurrency.Max = 16, 16 },
		"threads of sync":         func(c *policy.Consumer) { c.Loop.OSThreads, c.Loop.Execution = true, policy.ExecutionSync },
		"no dead letters":         func(c *policy.Consumer) { c.Loop.OnException, c.Loop.DeadLetter = policy.OnExceptionDiscard, "" },
		"dead letters by source":  func(c *policy.Consumer) { c.Loop.DeadLetter = policy.DeadLetterSource },
		"attempt as long as all":  func(c *policy.Consumer) { c.Process.Retry.Timeout = c.Loop.TransactionTimeout },
		"no transaction timeout":  func(c *policy.Consumer) { c.Loop.TransactionTimeout, c.Process.Retry.Timeout = 0, time.Hour },
		"retry at once, for ever": func(c *policy.Consumer) { c.Process.Retry.Backoff, c.Process.Retry.MaxAttempts = 0, math.MaxInt },
		"uncapped":                func(c *policy.Consumer) { c.Process.Retry.BackoffCap = 0 },
		"all jitter":              func(c *policy.Consumer) { c.Process.Retry.Jitter, c.Loop.EmptyQueue.Jitter = 1, 1 },
		"cap as long as backoff":  func(c *policy.Consumer) { c.Loop.EmptyQueue.BackoffCap = c.Loop.EmptyQueue.Backoff },
	} {
		c := policy.DefaultConsumer()
		change(&c)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// [R1] What may be left out of a policy in code may be left zero.
func TestRetryOfAttemptsAndTimeoutIsWhole(t *testing.T) {
	retry := policy.Retry{MaxAttempts: 3, Timeout: time.Second}
	if err := retry.Validate(); err != nil {
		t.Error(err)
	}
	if got := retry.Delay(2); got != 0 {
		t.Errorf("it waits %s, want none", got)
	}
	retry.Backoff = time.Second
	if first, second := retry.Delay(1), retry.Delay(2); first != time.Second || second != time.Second {
		t.Errorf("without a factor the delays are %s and %s, want 1s each", first, second)
	}
}

// [C2] A cap that is only the default gives way to a longer backoff or interval; one that is written does not.
func TestDefaultCapGivesWayToALongerBackoff(t *testing.T) {
	retry := policy.DefaultRetry()
	retry.Backoff = 20 * time.Second
	if err := retry.Validate(); err != nil {
		t.Errorf("backoff 20s alone: %v", err)
	}
	if first, second := retry.Delay(1), retry.Delay(2); first != 20*time.Second || second != 20*time.Second {
		t.Errorf("it waits %s and %s, want 20s each", first, second)
	}
	retry.BackoffCap += time.Second
	want := []string{"backoff_cap: 11s is shorter than backoff 20s; raise the cap or lower the backoff"}
	if diff := cmp.Diff(want, faultsOf(t, retry.Validate())); diff != "" {
		t.Errorf("faults of a written cap (-want +got):\n%s", diff)
	}
	consumer := policy.DefaultConsumer()
	empty := &consumer.Loop.EmptyQueue
	empty.Interval = 6 * time.Second
	if err := consumer.Validate(); err != nil {
		t.Errorf("interval 6s alone: %v", err)
	}
	if first, later := empty.Delay(1), empty.Delay(100); first != 6*time.Second || later != 6*time.Second {
		t.Errorf("it waits %s and %s, want 6s each", first, later)
	}
	empty.Interval, empty.Backoff = 0, 8*time.Second
	if err := consumer.Validate(); err != nil || empty.Delay(1) != 8*time.Second {
		t.Errorf("backoff 8s alone: it waits %s, and %v", empty.Delay(1), err)
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	var paths []string
	for _, fault := range faultsOf(t, policy.Consumer{}.Validate()) {
		path, _, _ := strings.Cut(fault, ":")
		paths = append(paths, path)
	}
	want := []string{
		"loop.mode", "loop.execution", "loop.on_exception", "loop.ordering", "loop.order.held", "loop.max_unsettled", "loop.hold_at_most",
		"loop.batch.size", "loop.concurrency.value",
		"loop.empty_queue.backoff", "loop.empty_queue.backoff_multiplier", "loop.outage.probe_interval", "fetch.connector",
	}
	for _, step := range []string{"fetch", "process", "success", "exception", "settle"} {
		want = append(want, step+".retry.max_attempts", step+".retry.timeout")
	}
	if diff := cmp.Diff(append(want, "settle.size"), paths); diff != "" {
		t.Errorf("paths of the faults of a zero policy (-want +got):\n%s", diff)
	}
}

func TestWorkersAndShutdownReportTheirFaults(t *testing.T) {
	want := []string{
		"count: is 0, must be at least 1 (nothing would run)",
		`isolation: is "", must be one of ["goroutine" "process"]`,
		"heartbeat: is 0s, must be at least 1s (a busy machine is slow to give signs of life)",
		"crash_limit: is 0, must be at least 1 (no process could ever be replaced)",
	}
	if diff := cmp.Diff(want, faultsOf(t, policy.Workers{}.Validate())); diff != "" {
		t.Errorf("workers (-want +got):\n%s", diff)
	}
	least := policy.Workers{Count: 1, Isolation: policy.IsolationProcess, Heartbeat: time.Second, CrashLimit: 1}
	if err := least.Validate(); err != nil {
		t.Errorf("the least of everything: %v", err)
	}
	least.Heartbeat--
	want = []string{"heartbeat: is 999.999999ms, must be at least 1s (a busy machine is slow to give signs of life)"}
	if diff := cmp.Diff(want, faultsOf(t, least.Validate())); diff != "" {
		t.Errorf("heartbeat (-want +got):\n%s", diff)
	}
	want = []string{"grace: is -1s, must not be negative", "force: is -2s, must not be negative"}
	shutdown := policy.Shutdown{Grace: -time.Second, Force: -2 * time.Second}
	if diff := cmp.Diff(want, faultsOf(t, shutdown.Validate())); diff != "" {
		t.Errorf("shutdown (-want +got):\n%s", diff)
	}
	if err := (policy.Shutdown{}).Validate(); err != nil {
		t.Errorf("shutdown at once: %v", err)
	}
}

func TestWhatAdaptsAndWhatTheMostIs(t *testing.T) {
	for _, c := range []struct {
		policy          policy.Concurrency
		adapts          bool
		most, abandoned int
	}{
		{policy.Concurrency{Value: 16}, false, 16, 16},
		{policy.Concurrency{Value: 16, Min: 16, Max: 16}, false, 16, 16},
		{policy.Concurrency{Value: 16, Min: 4, Max: 64}, true, 64, 64},
		{policy.Concurrency{Value: 16, Min: 4, Max: 64, Headroom: 5}, true, 64, 5},
	} {
		if c.policy.Adapts() != c.adapts || c.policy.MaxRunning() != c.most || c.policy.MaxAbandoned() != c.abandoned {
			t.Errorf("%+v: adapts %v, most %d, abandoned %d", c.policy, c.policy.Adapts(), c.policy.MaxRunning(), c.policy.MaxAbandoned())
		}
	}
	if (policy.Batch{Size: 100}).Adapts() || !(policy.Batch{Size: 100, MinSize: 1, MaxSize: 200}).Adapts() {
		t.Error("batch of a fixed size adapts, or one with a range does not")
	}
}
