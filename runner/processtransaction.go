package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// ProcessTransaction runs one given transaction through a task, with the same lifecycle and the same time limits as in its loop
// [E5]. It opens the components of the task before and closes them after it. The transaction is not settled and not
// dead-lettered: the caller gets its result. Finish ([capability.Finisher]) is not called, because no loop has ended.
//
// The error is nil only if the transaction succeeded and everything could be closed [E4]. If the transaction did not run, the
// outcome is [Interrupted].
func (m *Manager) ProcessTransaction(ctx context.Context, task string, tx ergon.Transaction) (TransactionResult, error) {
	return m.processOne(ctx, task, func(context.Context, *workerRun) (ergon.Transaction, error) { return tx, nil })
}

// ProcessTransactionByID is ProcessTransaction for a transaction in the task's source. The source finds it by its id, with the
// attempts and the timeout of the fetch policy. Unlike a given transaction, it is settled: acknowledged if it succeeded, and
// otherwise requeued without counting the delivery. The error wraps capability.ErrNotFound if there is no such transaction, and
// [ErrUsage] if the source cannot find transactions by id.
func (m *Manager) ProcessTransactionByID(ctx context.Context, task, id string) (TransactionResult, error) {
	return m.processOne(ctx, task, func(ctx context.Context, r *workerRun) (ergon.Transaction, error) {
		tx, err := r.find(ctx, id)
		r.found = err == nil
		return tx, err
	})
}

func (m *Manager) processOne(
	ctx context.Context, task string, which func(context.Context, *workerRun) (ergon.Transaction, error),
) (TransactionResult, error) {
	selected, err := m.selected([]string{task})
	if err != nil {
		return TransactionResult{Outcome: Interrupted, Err: err}, err
	}
	stop := watchShutdown(ctx, m.settings.Force)
	defer stop.end()
	defer flush(ctx, m.settings, stop, flushTimeout)
	w := newWorker(selected[0], workerName(selected[0], 0), m.settings, stop)
	w.count = 1
	r, err := w.newRun(ctx, func(r *workerRun) error { return r.task.Validate() })
	if err != nil {
		if _, fault := errors.AsType[*ConfigError](err); !fault {
			err = fmt.Errorf("task %q: %w", task, err)
		}
		return TransactionResult{Outcome: Interrupted, Err: err}, err
	}
	result, err := r.process(ctx, which)
	if err = errors.Join(err, r.close(ctx, false)); err != nil {
		err = fmt.Errorf("task %q: %w", task, err)
	}
	return result, err
}

// process runs the transaction that which returns.
func (r *workerRun) process(
	ctx context.Context, which func(context.Context, *workerRun) (ergon.Transaction, error),
) (TransactionResult, error) {
	ctx = r.worker.scoped(ctx)
	tx, err := which(ctx, r)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return TransactionResult{Transaction: tx, Outcome: Interrupted, Err: err}, err
	}
	r.ran = true
	processed, snapshot, err := pipeline.Process(ctx, r.settings(r.worker.cfg.Consumer), tx)
	result := TransactionResult{Transaction: processed.Transaction, Outcome: processed.Outcome, Value: processed.Value, Err: processed.Err}
	switch {
	case err == nil && result.Outcome != Succeeded:
		err = fmt.Errorf("transaction %s: %s: %w", tx.ID(), result.Outcome, result.Err)
	case err != nil && snapshot.Ended() == 0:
		result = TransactionResult{Transaction: tx, Outcome: Interrupted, Err: err}
	}
	return result, errors.Join(err, r.settle(ctx, result))
}

// settle settles a transaction that the source was asked for by its id.
func (r *workerRun) settle(ctx context.Context, result TransactionResult) error {
	source, settles := capability.As[capability.Settler](r.named(connector)[r.worker.cfg.Consumer.Fetch.Connector])
	if !r.found || !settles {
		return nil
	}
	settlement := capability.Settlement{Transaction: result.Transaction, Action: policy.SettleRequeue, Interrupted: true}
	if result.Outcome == Succeeded {
		settlement = capability.Settlement{Transaction: result.Transaction, Action: policy.SettleAck}
	}
	_, err := ergon.RunFn(context.WithoutCancel(ctx), r.worker.cfg.Consumer.Settle.Retry, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, source.SettleTransactions(ctx, []capability.Settlement{settlement})
	}, ergon.SpanName(spans.Settle))
	if err != nil {
		return fmt.Errorf("transaction %s: %s, but it could not be settled and will be delivered again: %w",
			result.Transaction.ID(), result.Outcome, err)
	}
	return nil
}

// find asks the source for a transaction.
func (r *workerRun) find(ctx context.Context, id string) (ergon.Transaction, error) {
	from := r.worker.cfg.Consumer.Fetch
	source := &component{kind: connector, name: from.Connector, typ: r.worker.cfg.Connectors[from.Connector].Type}
	resolver, ok := capability.As[capability.Resolver](r.named(connector)[from.Connector])
	if !ok {
		return ergon.Transaction{}, fmt.Errorf("%w: %s cannot find a transaction by its id; give the transaction itself", ErrUsage, source)
	}
	tx, err := ergon.RunFn(ctx, from.Retry, func(ctx context.Context) (ergon.Transaction, error) {
		tx, err := resolver.FetchTransactionByID(ctx, id)
		if errors.Is(err, capability.ErrNotFound) {
			err = ergon.Permanent(err)
		}
		return tx, err
	}, ergon.SpanName("find"))
	switch {
	case errors.Is(err, capability.ErrNotFound):
		return tx, fmt.Errorf("%s has no transaction %q: %w", source, id, capability.ErrNotFound)
	case err != nil:
		return tx, fmt.Errorf("find transaction %q in %s: %w", id, source, err)
	}
	return tx, nil
}
