package policy_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/policy"
)

// [B1]
func TestProducerReportsEachFaultWithPathAndCure(t *testing.T) {
	type producer = policy.Producer
	for want, spoil := range map[string]func(*producer){
		`loop.execution: is "", must be one of ["async" "sync"]`: func(p *producer) { p.Loop.Execution = "" },
		`loop.ordering: is "fifo", must be one of ["none" "key"]`: func(p *producer) {
			p.Loop.Ordering = "fifo"
		},
		"loop.os_threads: needs execution: sync; an async transaction has no thread of its own": func(p *producer) {
			p.Loop.OSThreads = true
		},
		"loop.limit: is -1, must not be negative (0 means no limit)": func(p *producer) {
			p.Loop.Limit = -1
		},
		"loop.timeout: is -1s, must not be negative": func(p *producer) {
			p.Loop.Timeout = -time.Second
		},
		"loop.transaction_timeout: is -1s, must not be negative": func(p *producer) {
			p.Loop.TransactionTimeout = -time.Second
		},
		"loop.batch.size: is 0, must be at least 1 (1 sends each dispatch separately)": func(p *producer) {
			p.Loop.Batch.Size = 0
		},
		"loop.batch.interval: is -1s, must not be negative": func(p *producer) {
			p.Loop.Batch.Interval = -time.Second
		},
		"loop.concurrency.value: is 0, must be at least 1 (nothing could run)": func(p *producer) {
			p.Loop.Concurrency.Value = 0
		},
		"loop.throttle.rate: is -1, must not be negative (0 means no bound)": func(p *producer) {
			p.Loop.Throttle.Rate = -1
		},
		"loop.throttle.rate: is NaN, must not be negative (0 means no bound)": func(p *producer) {
			p.Loop.Throttle.Rate = math.NaN()
		},
		"loop.throttle.rate: is +Inf, must not be negative (0 means no bound)": func(p *producer) {
			p.Loop.Throttle.Rate = math.Inf(1)
		},
		"loop.throttle.burst: is 0, must be at least 1 (nothing could be started)": func(p *producer) {
			p.Loop.Throttle.Burst = 0
		},
		"prepare.retry.max_attempts: is 0, must be at least 1 (1 means no retry)": func(p *producer) {
			p.Prepare.Retry.MaxAttempts = 0
		},
		"success.retry.backoff: is -1s, must not be negative": func(p *producer) {
			p.Success.Retry.Backoff = -time.Second
		},
		"exception.retry.timeout: is 0s, must be more than 0 (an attempt needs a limit, such as 30s)": func(p *producer) {
			p.Exception.Retry.Timeout = 0
		},
		"prepare.retry.timeout: 6m0s is longer than loop.transaction_timeout 5m0s, so it could never be reached; lower it": func(p *producer) {
			p.Prepare.Retry.Timeout = 6 * time.Minute
		},
	} {
		p := policy.DefaultProducer()
		spoil(&p)
		if diff := cmp.Diff([]string{want}, faultsOf(t, p.Validate())); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
	}
}

func TestBoundsOfAProducerThemselvesAreValid(t *testing.T) {
	for name, change := range map[string]func(*policy.Producer){
		"default":                func(*policy.Producer) {},
		"nothing joined":         func(p *policy.Producer) { p.Loop.Batch.Size, p.Loop.Batch.Interval = 1, 0 },
		"one in three seconds":   func(p *policy.Producer) { p.Loop.Throttle.Rate = 1.0 / 3 },
		"attempt as long as all": func(p *policy.Producer) { p.Prepare.Retry.Timeout = p.Loop.TransactionTimeout },
		"no transaction timeout": func(p *policy.Producer) { p.Loop.TransactionTimeout, p.Prepare.Retry.Timeout = 0, time.Hour },
		"threads of sync":        func(p *policy.Producer) { p.Loop.OSThreads, p.Loop.Execution = true, policy.ExecutionSync },
	} {
		p := policy.DefaultProducer()
		change(&p)
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
