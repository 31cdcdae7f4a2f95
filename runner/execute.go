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

// looping is a loop that consumes or produces.
type looping interface {
	Run(ctx context.Context) error
	Snapshot() Snapshot
	Pause()
	Resume()
	SetConcurrency(n int) error
	Stalled() string
}

// begunLoop is a loop of a life, and when it was begun.
type begunLoop struct {
	looping

	at time.Time
}

// execution is what a life runs, as the task's own Execute sees it [E6].
type execution struct{ life *life }

var _ ergon.TaskRun = execution{}

// Policies are those of the task's configuration, with the worker's share of the limit.
func (e execution) Policies() (policy.Consumer, policy.Producer) {
	w := e.life.worker
	consumer := w.cfg.Consumer
	if limit, count := consumer.Loop.Limit, int64(w.count); limit > 0 && count > 1 {
		consumer.Loop.Limit = limit / count
		if int64(w.index) < limit%count {
			consumer.Loop.Limit++
		}
	}
	return consumer, w.cfg.Producer
}

// Consume runs a consuming loop, with a limit of its own.
func (e execution) Consume(ctx context.Context, p policy.Consumer) error {
	return e.consume(ctx, e.life.settings(p))
}

func (e execution) consume(ctx context.Context, s pipeline.Settings) error {
	loop, err := pipeline.New(s)
	if err != nil {
		return fmt.Errorf("make the loop: %w", err)
	}
	return e.life.worker.loop(ctx, loop)
}

// Produce runs a producing loop.
func (e execution) Produce(ctx context.Context, transactions iter.Seq2[ergon.Transaction, error], p policy.Producer) error {
	return e.produce(ctx, sequenceOf(transactions), p)
}

func (e execution) produce(
	ctx context.Context, transactions func(context.Context) iter.Seq2[ergon.Transaction, error], p policy.Producer,
) error {
	s := e.life.settings(e.life.worker.cfg.Consumer)
	s.Producer = p
	loop, err := pipeline.NewProducer(s, transactions)
	if err != nil {
		return fmt.Errorf("make the loop: %w", err)
	}
	return e.life.worker.loop(ctx, loop)
}

// sequenceOf is for a sequence that needs no context of the loop's.
func sequenceOf(transactions iter.Seq2[ergon.Transaction, error]) func(context.Context) iter.Seq2[ergon.Transaction, error] {
	if transactions == nil {
		return nil
	}
	return func(context.Context) iter.Seq2[ergon.Transaction, error] { return transactions }
}

// execute does what follows from what the task is [E6].
func (l *life) execute(ctx context.Context) error {
	w, e := l.worker, execution{l}
	switch {
	case l.task.Execute != nil:
		err := call(ctx, budget(w.cfg.Shutdown), func(ctx context.Context) error { return l.task.Execute(ctx, e) }, nil)
		w.logCrash(ctx, err)
		return err
	case l.task.Process != nil:
		p, err := w.remaining()
		if err != nil {
			return err
		}
		s := l.settings(p)
		s.Quota = w.quota
		return e.consume(ctx, s)
	default:
		return e.produce(ctx, l.task.Transactions, w.cfg.Producer)
	}
}

// check returns what keeps l from running what it would.
func (l *life) check() error {
	cfg := l.worker.cfg
	s := l.settings(cfg.Consumer)
	switch {
	case l.task.Execute != nil:
		return l.task.Validate()
	case l.task.Process != nil || l.task.Prepare == nil:
		return s.Validate()
	}
	faults := []error{s.ValidateProducer()}
	if l.task.Transactions == nil {
		faults = append(faults, errors.New("the task has no method Transactions and no Execute, so a run of it would produce nothing; "+
			"add one, or hand transactions to runner.ProduceTransactions"))
	}
	if n := cfg.Workers.Count; n > 1 {
		faults = append(faults, fmt.Errorf("workers.count: is %d, but each worker would produce the same transactions; set it to 1 and "+
			"raise producer.loop.concurrency, or divide them in an Execute of the task", n))
	}
	return errors.Join(faults...)
}

// limitReached reports whether it is the limit that ended the loop. There may be more then.
func (l *life) limitReached() bool {
	w := l.worker
	switch {
	case l.task.Execute != nil:
		return false
	case l.task.Process == nil:
		limit := w.cfg.Producer.Loop.Limit
		return limit > 0 && w.snapshot().Started >= limit
	default:
		return w.quota != nil && w.quota.Left() <= 0
	}
}
