package runner

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// loop is a loop that consumes or produces.
type loop interface {
	Run(ctx context.Context) error
	Snapshot() Snapshot
	Pause()
	Resume()
	SetConcurrency(n int) error
	Stalled() string
}

// startedLoop is a loop of a worker run, and when it was started.
type startedLoop struct {
	loop

	at time.Time
}

// execution runs the loops of a worker run, for the engine and for the task's own Execute [E6].
type execution struct{ run *workerRun }

var _ ergon.TaskRun = execution{}

// Policies returns the policies of the task's configuration. The limit is the worker's share.
func (e execution) Policies() (policy.Consumer, policy.Producer) {
	w := e.run.worker
	consumer := w.cfg.Consumer
	if limit, count := consumer.Loop.Limit, int64(w.count); limit > 0 && count > 1 {
		consumer.Loop.Limit = limit / count
		if int64(w.index) < limit%count {
			consumer.Loop.Limit++
		}
	}
	return consumer, w.cfg.Producer
}

// Consume runs a consuming loop with its own limit.
func (e execution) Consume(ctx context.Context, p policy.Consumer) error {
	return e.consume(ctx, e.run.settings(p))
}

func (e execution) consume(ctx context.Context, s pipeline.Settings) error {
	l, err := pipeline.New(s)
	if err != nil {
		return fmt.Errorf("make the loop: %w", err)
	}
	return e.run.worker.loop(ctx, l)
}

// Produce runs a producing loop.
func (e execution) Produce(ctx context.Context, transactions iter.Seq2[ergon.Transaction, error], p policy.Producer) error {
	return e.produce(ctx, sequenceOf(transactions), p)
}

func (e execution) produce(
	ctx context.Context, transactions func(context.Context) iter.Seq2[ergon.Transaction, error], p policy.Producer,
) error {
	s := e.run.settings(e.run.worker.cfg.Consumer)
	s.Producer = p
	l, err := pipeline.NewProducer(s, transactions)
	if err != nil {
		return fmt.Errorf("make the loop: %w", err)
	}
	return e.run.worker.loop(ctx, l)
}

// sequenceOf is for a sequence that needs no context of the loop's.
func sequenceOf(transactions iter.Seq2[ergon.Transaction, error]) func(context.Context) iter.Seq2[ergon.Transaction, error] {
	if transactions == nil {
		return nil
	}
	return func(context.Context) iter.Seq2[ergon.Transaction, error] { return transactions }
}

// execute runs the task's own Execute, or a consuming or a producing loop, as the task has it [E6].
func (r *workerRun) execute(ctx context.Context) error {
	w, e := r.worker, execution{r}
	switch {
	case r.task.Execute != nil:
		err := call(ctx, shutdownBudget(w.cfg.Shutdown), func(ctx context.Context) error { return r.task.Execute(ctx, e) }, nil)
		w.logCrash(ctx, err)
		return err
	case r.task.Process != nil:
		p, err := w.consumerPolicy()
		if err != nil {
			return err
		}
		s := r.settings(p)
		s.Quota = w.quota
		return e.consume(ctx, s)
	default:
		return e.produce(ctx, r.task.Transactions, w.cfg.Producer)
	}
}

// validate returns the faults that keep r from running its loop.
func (r *workerRun) validate() error {
	cfg := r.worker.cfg
	s := r.settings(cfg.Consumer)
	switch {
	case r.task.Execute != nil:
		return r.task.Validate()
	case r.task.Process != nil || r.task.Prepare == nil:
		return s.Validate()
	}
	faults := []error{s.ValidateProducer()}
	if r.task.Transactions == nil {
		faults = append(faults, errors.New("the task has no method Transactions and no Execute, so a run of it would produce nothing; "+
			"add one, or hand transactions to runner.ProduceTransactions"))
	}
	if n := cfg.Workers.Count; n > 1 {
		faults = append(faults, fmt.Errorf("workers.count: is %d, but each worker would produce the same transactions; set it to 1 and "+
			"raise producer.loop.concurrency, or divide them in an Execute of the task", n))
	}
	return errors.Join(faults...)
}

// limitReached reports whether loop.limit ended the loop. The source may have more transactions then.
func (r *workerRun) limitReached() bool {
	w := r.worker
	switch {
	case r.task.Execute != nil:
		return false
	case r.task.Process == nil:
		limit := w.cfg.Producer.Loop.Limit
		return limit > 0 && w.snapshot().Started >= limit
	default:
		return w.quota != nil && w.quota.Left() <= 0
	}
}
