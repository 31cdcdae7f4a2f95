package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/policy"
)

// Producer is a producing loop: a consuming loop over the user's sequence. It prepares each transaction instead of processing it, and has
// nothing to settle. Decision 0006. It runs once.
type Producer struct {
	loop         *Consumer
	source       *sequence
	transactions func(context.Context) iter.Seq2[ergon.Transaction, error]
	failed       unproduced
}

// NewProducer makes a loop over transactions, or reports everything that keeps it from running. Source, DeadLetters and Policy of the
// settings are ignored. transactions is called when the loop runs; its context ends with the loop.
func NewProducer(s Settings, transactions func(context.Context) iter.Seq2[ergon.Transaction, error]) (*Producer, error) {
	p := &Producer{source: newSequence(s.Producer.Loop.Throttle), transactions: transactions}
	faults := s.ValidateProducer()
	if transactions == nil {
		faults = errors.Join(faults, errors.New("there are no transactions to produce: add a method Transactions to the task, or an Execute"))
	}
	if faults != nil {
		return nil, faults
	}
	s = s.producing()
	s.Source = p.source
	onEnd := s.OnEnd
	s.OnEnd = func(r Result) {
		p.failed.note(r)
		if onEnd != nil {
			onEnd(r)
		}
	}
	loop, err := New(s)
	p.loop = loop
	return p, err
}

// ValidateProducer reports everything that keeps a producing loop from running. [NewProducer] calls it.
func (s Settings) ValidateProducer() error {
	faults := []error{s.Handlers.Validate(), s.Producer.Validate(), s.Shutdown.Validate()}
	if s.Handlers.Prepare == nil && s.Handlers.Validate() == nil {
		faults = append(faults, errors.New("the task has no Prepare function, so it cannot produce; "+
			"make it with ergon.Produce or ergon.Hybrid"))
	}
	return errors.Join(faults...)
}

// producing returns the settings of the consuming loop that produces: its handlers are those for preparing.
func (s Settings) producing() Settings {
	task := s.Handlers
	s.Handlers = ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) { return nil, task.Prepare(ctx, tx) }}
	if task.PrepareSuccess != nil {
		s.Handlers.Success = func(ctx context.Context, tx ergon.Transaction, _ any) error { return task.PrepareSuccess(ctx, tx) }
	}
	if task.PrepareException != nil {
		s.Handlers.Exception = func(ctx context.Context, tx ergon.Transaction, cause *ergon.TransactionError) (ergon.Disposition, error) {
			return ergon.Disposition{}, task.PrepareException(ctx, tx, cause)
		}
	}
	s.produces, s.DeadLetters = true, nil
	s.Policy = loopOf(s.Producer)
	return s
}

// loopOf returns the policy of the consuming loop that produces as p says. Fetching has no timeout: an iterator may wait for its
// own source.
func loopOf(p policy.Producer) policy.Consumer {
	c := policy.DefaultConsumer()
	c.Process, c.Success, c.Exception = p.Prepare, p.Success, p.Exception
	c.Fetch = policy.Fetch{Connector: "transactions", Retry: unbounded()}
	c.Loop.Execution, c.Loop.OSThreads = p.Loop.Execution, p.Loop.OSThreads
	c.Loop.Limit, c.Loop.Timeout, c.Loop.TransactionTimeout = p.Loop.Limit, p.Loop.Timeout, p.Loop.TransactionTimeout
	c.Loop.Concurrency, c.Loop.Ordering = p.Loop.Concurrency, p.Loop.Ordering
	c.Loop.OnException, c.Loop.DeadLetter = policy.OnExceptionDiscard, ""
	return c
}

// unbounded is the policy of one attempt without a timeout: something else bounds it.
func unbounded() policy.Retry {
	return policy.Retry{MaxAttempts: 1, Timeout: math.MaxInt64}
}

// Snapshot returns where the loop is. Safe for concurrent use.
func (p *Producer) Snapshot() Snapshot { return p.loop.Snapshot() }

// Stalled names what of the loop is stuck, as [Consumer.Stalled] does. A sequence that yields nothing is not stuck.
func (p *Producer) Stalled() string { return p.loop.Stalled() }

// Pause is [Consumer.Pause].
func (p *Producer) Pause() { p.loop.Pause() }

// Resume is [Consumer.Resume].
func (p *Producer) Resume() { p.loop.Resume() }

// SetConcurrency is [Consumer.SetConcurrency].
func (p *Producer) SetConcurrency(n int) error { return p.loop.SetConcurrency(n) }

// Run runs the loop to its end, as [Consumer.Run] does. It returns nil if the sequence has ended, or the limit was reached, and
// every transaction was prepared. Otherwise it joins the error of [Consumer.Run], the error that the sequence yielded, and a
// *[ProduceError] for transactions that were not prepared.
func (p *Producer) Run(ctx context.Context) error {
	ranging, stop := context.WithCancelCause(ctx)
	go p.source.run(ranging, p.transactions)
	err := p.loop.Run(ctx)
	stop(ergon.ErrInterrupted)
	p.waitForSequence()
	p.source.mu.Lock()
	ended := p.source.err
	p.source.mu.Unlock()
	if ended != nil && ctx.Err() == nil {
		err = errors.Join(err, fmt.Errorf("transactions: %w", ended))
	}
	return errors.Join(err, p.failed.err())
}

// waitForSequence waits for the sequence's goroutine, at most for patience: an iterator that ignores its context is abandoned [F4].
func (p *Producer) waitForSequence() {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.source.done:
	case <-timer.C:
		p.loop.watcher.log.sequenceStuck()
		p.loop.watcher.log.flush(p.loop.settings.Force)
	}
}

// ProduceError is the error of a producing loop that could not prepare all of its transactions.
type ProduceError = observe.ProduceError

// maxFirst bounds the errors that a loop keeps, in memory and in the text of its error.
const maxFirst = 5

// unproduced counts the transactions that could not be prepared, and keeps the errors of the first.
type unproduced struct {
	mu    sync.Mutex // guards what follows
	count int64
	first []error
}

func (u *unproduced) note(r Result) {
	if r.Outcome != Failed && r.Outcome != HandlerFailed {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count++
	if len(u.first) < maxFirst {
		u.first = append(u.first, fmt.Errorf("transaction %s: %w", r.Transaction.ID(), r.kept))
	}
}

func (u *unproduced) err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count == 0 {
		return nil
	}
	return &ProduceError{Failed: u.count, First: u.first}
}
