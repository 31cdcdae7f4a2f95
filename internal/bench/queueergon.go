package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// ergonQueues are two queues in one file.
type ergonQueues struct {
	path     string
	in, out  *sqlite.Queue
	settings func(*sqlite.QueueConfig)
}

// openErgon opens queues of the default configuration, durability full among it.
func openErgon(ctx context.Context, path string, settings func(*sqlite.QueueConfig)) (q ergonQueues, err error) {
	q = ergonQueues{path: path, settings: settings}
	if q.in, err = q.queue("in"); err == nil {
		q.out, err = q.queue("out")
	}
	if err != nil {
		return q, err
	}
	return q, errors.Join(q.in.Open(ctx), q.out.Open(ctx))
}

func (q ergonQueues) queue(name string) (*sqlite.Queue, error) {
	settings := sqlite.QueueSettings{QueueConfig: sqlite.DefaultQueueConfig()}
	settings.Path, settings.Queue, settings.MaxWait = q.path, name, 0
	q.settings(&settings.QueueConfig)
	return sqlite.NewQueue(settings)
}

func (q ergonQueues) close() error {
	ctx := context.Background() // of nothing that could end
	return errors.Join(q.in.Close(ctx), q.out.Close(ctx))
}

func (q ergonQueues) fill(ctx context.Context, items int) error {
	return inBatches(items, func(first, n int) error {
		return q.in.DispatchTransactions(ctx, queuedTransactions(first, n))
	})
}

func queuedTransactions(first, n int) []ergon.Transaction {
	batch := make([]ergon.Transaction, n)
	for i := range batch {
		batch[i] = ergon.NewTransaction(queuedID(first+i), queuedPayload(first+i))
	}
	return batch
}

// settle claims and settles a batch at a time until there are no more, without the engine.
func (q ergonQueues) settle(ctx context.Context) (int, error) {
	return q.each(ctx, func(batch []ergon.Transaction) error { return q.in.SettleTransactions(ctx, acknowledged(batch)) })
}

func acknowledged(batch []ergon.Transaction) []capability.Settlement {
	settlements := make([]capability.Settlement, len(batch))
	for i := range batch {
		settlements[i] = capability.Settlement{Transaction: batch[i], Action: policy.SettleAck}
	}
	return settlements
}

// hop moves a batch at a time to the other queue, without the engine.
func (q ergonQueues) hop(ctx context.Context) (int, error) {
	return q.each(ctx, func(batch []ergon.Transaction) error {
		hops := make([]capability.Hop, len(batch))
		for i, tx := range batch {
			hops[i] = capability.Hop{
				Settlement: capability.Settlement{Transaction: tx, Action: policy.SettleAck},
				Outputs:    []capability.Output{{To: q.out, Transactions: []ergon.Transaction{ergon.NewTransaction(tx.ID()+"/0", tx.Payload())}}},
			}
		}
		return q.in.HopTransactions(ctx, hops)
	})
}

func (q ergonQueues) each(ctx context.Context, do func([]ergon.Transaction) error) (int, error) {
	return eachBatch(ctx, q.in, do)
}

// eachBatch fetches a batch at a time until there are no more.
func eachBatch(ctx context.Context, from ergon.Fetcher, do func([]ergon.Transaction) error) (int, error) {
	for done := 0; ; {
		batch, err := from.FetchTransactions(ctx, batchSize)
		if err != nil || len(batch) == 0 {
			return done, err
		}
		if err := do(batch); err != nil {
			return done, err
		}
		done += len(batch)
	}
}

// run makes the engine run a task over the queue until that is empty.
func (q ergonQueues) run(ctx context.Context, task func(*ergon.Dependencies) ergon.Task, with ...func(*ergon.TaskConfig)) (int, error) {
	return runTask(ctx, task, func(name string) (any, error) { return q.queue(name) }, with...)
}

// runTask runs a task by the engine from the queue "in" to the queue "out", until the first is empty.
func runTask(
	ctx context.Context, task func(*ergon.Dependencies) ergon.Task, queue func(name string) (any, error), with ...func(*ergon.TaskConfig),
) (int, error) {
	cfg := ergon.NewTaskConfig("bench", task)
	cfg.Connectors["input"] = ergon.Component{Type: "queue", New: func() (any, error) { return queue("in") }}
	cfg.Connectors["output"] = ergon.Component{Type: "queue", New: func() (any, error) { return queue("out") }}
	cfg.Consumer.Loop.Concurrency.Value = batchSize
	cfg.Producer.Loop.Concurrency.Value = batchSize
	cfg.Consumer.Loop.OnException = policy.OnExceptionDiscard
	for _, change := range with {
		change(&cfg)
	}
	ran, err := runner.RunTask(ctx, cfg, runner.Settings{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, fmt.Errorf("run the task: %w", err)
	}
	return int(ran.Outcomes[runner.Succeeded]), nil
}

// byBatch finishes a batch before the next is fetched.
func byBatch(cfg *ergon.TaskConfig) { cfg.Consumer.Loop.Mode = policy.ModeBatch }

// ahead fetches a batch ahead, so that one is worked on while another is fetched or settled.
func ahead(cfg *ergon.TaskConfig) { cfg.Consumer.Loop.Batch.Prefetch = batchSize }

// relayTask is a hybrid task that sends what it gets on.
type relayTask struct {
	work   Call
	output ergon.Dispatcher
}

func newRelay(work Call) func(*ergon.Dependencies) ergon.Task {
	return func(d *ergon.Dependencies) ergon.Task {
		return ergon.Hybrid(&relayTask{work: work, output: ergon.UseConnector[ergon.Dispatcher](d, "output")})
	}
}

func (m *relayTask) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[[]byte]) ([]ergon.Transaction, error) {
	return []ergon.Transaction{ergon.NewTransaction("", tx.Body)}, m.work(ctx)
}

func (m *relayTask) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[[]byte]) error {
	return m.output.DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction})
}

// consumerTask is a task that only takes.
type consumerTask struct{ work Call }

func newConsumer(work Call) func(*ergon.Dependencies) ergon.Task {
	return func(*ergon.Dependencies) ergon.Task { return ergon.Consume(&consumerTask{work: work}) }
}

func (t *consumerTask) ProcessTransaction(ctx context.Context, _ ergon.TransactionOf[[]byte]) (struct{}, error) {
	return struct{}{}, t.work(ctx)
}
