package pipeline_test

import (
	stdcmp "cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// rig is a loop under test: its settings, which a test changes before it runs them, and what came of it.
type rig struct {
	pipeline.Settings

	Queue *memory.Queue // the source, unless a test sets another

	// longest is how long a run may take on the clock of its bubble before it has failed. Default 100 days, and
	// half a minute where time is real.
	longest time.Duration

	consumer *pipeline.Consumer
	stop     context.CancelFunc
	done     chan struct{}
	err      error

	mu      sync.Mutex
	results []pipeline.Result
}

// newRig makes a loop over transactions with these ids. Its delays are exact, it runs one at a time, it ends when its
// source is exhausted, and dead letters stay with the source: their settlement is a reject.
func newRig(handlers ergon.Task, ids ...string) *rig {
	r := &rig{Queue: memory.New(memory.Settings{Transactions: transactionsOf(ids...), Finite: true, Record: true})}
	r.Settings = pipeline.Settings{
		Task: "task", Worker: "worker-1", Handlers: handlers, Source: r.Queue,
		Policy: exactPolicy(), Shutdown: policy.DefaultShutdown(), OnEnd: r.ended, Logger: slog.New(slog.DiscardHandler),
	}
	return r
}

// exactPolicy is the default policy without jitter, with one transaction at a time and dead letters left to the source.
func exactPolicy() policy.Consumer {
	p := policy.DefaultConsumer()
	for _, retry := range []*policy.Retry{
		&p.Fetch.Retry, &p.Process.Retry, &p.Success.Retry, &p.Exception.Retry, &p.Settle.Retry,
	} {
		retry.Jitter = 0
	}
	p.Loop.EmptyQueue.Jitter = 0
	p.Loop.Concurrency.Value = 1
	p.Loop.DeadLetter = policy.DeadLetterSource
	return p
}

// retrying is a policy of n attempts, each of at most timeout, with a constant backoff.
func retrying(n int, timeout, backoff time.Duration) policy.Step {
	return policy.Step{Retry: policy.Retry{MaxAttempts: n, Timeout: timeout, Backoff: backoff, BackoffMultiplier: 1}}
}

// once is a policy of one attempt.
func once(timeout time.Duration) policy.Step { return retrying(1, timeout, 0) }

func transactionsOf(ids ...string) []ergon.Transaction {
	made := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		made[i] = ergon.NewTransaction(id, id)
	}
	return made
}

// numbered returns the ids "0" to n-1.
func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}

// inBothExecutions runs a test in a bubble of virtual time for each.
func inBothExecutions(t *testing.T, test func(t *testing.T, execution policy.Execution)) {
	t.Helper()
	for _, execution := range []policy.Execution{policy.ExecutionSync, policy.ExecutionAsync} {
		t.Run(string(execution), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, execution) })
		})
	}
}

// sleep sleeps in virtual time. It panics outside of a bubble, whose clock starts in the year 2000: no test waits for real.
func sleep(d time.Duration) {
	if now := time.Now().UTC(); now.Year() != 2000 {
		panic("a test sleeps outside of a bubble, at " + now.String())
	}
	time.Sleep(d)
}

func (r *rig) ended(result pipeline.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, result)
}

// start makes the loop and runs it beside the test until ctx ends.
func (r *rig) start(ctx context.Context, t testing.TB) {
	t.Helper()
	consumer, err := pipeline.New(r.Settings)
	if err != nil {
		t.Fatalf("making the loop: %v", err)
	}
	r.consumer, r.done = consumer, make(chan struct{})
	ctx, r.stop = context.WithCancel(ctx)
	go func() {
		defer close(r.done)
		r.err = consumer.Run(ctx)
	}()
}

var errEndless = errors.New("it does not end by itself (see rig.longest)")

// wait returns what the loop ended with. One that does not end is stopped: where time is virtual, what waits for something
// that never comes would otherwise continue from tick to tick until the whole test is over its time.
func (r *rig) wait() error {
	defer r.stop()
	longest := 100 * 24 * time.Hour
	if time.Now().UTC().Year() != 2000 { // no bubble
		longest = 30 * time.Second
	}
	endless := time.NewTimer(stdcmp.Or(r.longest, longest))
	defer endless.Stop()
	select {
	case <-r.done:
		return r.err
	case <-endless.C:
		r.stop()
		<-r.done
		return errors.Join(errEndless, r.err)
	}
}

// run runs the loop to its natural end, which must be without an error.
func (r *rig) run(t testing.TB) {
	t.Helper()
	r.start(t.Context(), t)
	if err := r.wait(); err != nil {
		t.Fatalf("running the loop: %v", err)
	}
}

// runLeaving is run for a loop that leaves transactions with their source because their dead letters could not be written.
func (r *rig) runLeaving(t testing.TB, id string) {
	t.Helper()
	r.start(t.Context(), t)
	err := r.wait()
	if !errors.Is(err, pipeline.ErrUnwritten) || errors.Is(err, errEndless) || !strings.Contains(err.Error(), "transaction "+id) {
		t.Fatalf("the loop ended with %v, want ErrUnwritten and transaction %s", err, id)
	}
}

// all returns the results so far, in the order of their ends.
func (r *rig) all() []pipeline.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.results)
}

// resultOf returns what a transaction came to, which must have ended exactly once.
func (r *rig) resultOf(t testing.TB, id string) pipeline.Result {
	t.Helper()
	results := slices.DeleteFunc(r.all(), func(got pipeline.Result) bool { return got.Transaction.ID() != id })
	if len(results) != 1 {
		t.Fatalf("transaction %s ended %d times, want once", id, len(results))
	}
	return results[0]
}

// settlementsOf returns how the deliveries of a transaction were settled, as they took effect.
func (r *rig) settlementsOf(id string) []capability.Settlement {
	return slices.DeleteFunc(r.Queue.Settlements(), func(s capability.Settlement) bool { return s.Transaction.ID() != id })
}

// journal is what happened, and how long after it was made.
type journal struct {
	begin time.Time

	mu      sync.Mutex
	entries []string
}

func newJournal() *journal { return &journal{begin: time.Now()} }

// note writes down that something happened now: "1.5s what".
func (j *journal) note(what string) {
	entry := time.Since(j.begin).String() + " " + what
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

// all returns the entries so far.
func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// want wants exactly these entries, in this order.
func (j *journal) want(t testing.TB, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if diff := cmp.Diff(want, j.entries); diff != "" {
		t.Errorf("what happened (-want +got):\n%s", diff)
	}
}

// tally counts by key.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func newTally() *tally { return &tally{n: map[string]int{}} }

// add counts one more and returns how many there are now.
func (c *tally) add(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[key]++
	return c.n[key]
}
