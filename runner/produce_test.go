package runner_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// sequence yields n transactions.
func sequence(n int) iter.Seq2[ergon.Transaction, error] {
	return func(yield func(ergon.Transaction, error) bool) {
		for _, tx := range transactions(n) {
			if !yield(tx, nil) {
				return
			}
		}
	}
}

// producing makes a task that produces n transactions by a function; nil does nothing.
func producing(n int, prepare func(context.Context, ergon.Transaction) error) func(*ergon.Dependencies) ergon.Task {
	if prepare == nil {
		prepare = func(context.Context, ergon.Transaction) error { return nil }
	}
	return func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Prepare: prepare, Transactions: func(context.Context) iter.Seq2[ergon.Transaction, error] { return sequence(n) }}
	}
}

// [B1, E6] A run of a task that only produces is one producing loop; it needs no source.
func TestRunOfAProducingTaskProducesItsTransactions(t *testing.T) {
	j, queue := &journal{}, memory.New(memory.Settings{})
	cfg := ergon.NewTaskConfig("ingest", func(d *ergon.Dependencies) ergon.Task {
		output := ergon.UseConnector[ergon.Dispatcher](d, "output")
		return producing(10, func(ctx context.Context, tx ergon.Transaction) error {
			return output.DispatchTransactions(ctx, []ergon.Transaction{tx})
		})(d)
	})
	sink := &part{journal: j, name: "output"}
	cfg.Connectors["output"] = sink.making(recordedSource{queue, sink})
	s, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := queue.CountTransactions(t.Context()); n != 10 || s.Produced != 10 || s.Outcomes[runner.Succeeded] != 10 {
		t.Errorf("%d are in the queue, and the summary is %+v; want 10 produced", n, s)
	}
	j.want(t, "make output", "open output", "finish output", "close output")
}

// [B1, E4] What could not be produced is nowhere else: the run has failed.
func TestRunThatCouldNotProduceEverythingFails(t *testing.T) {
	j := &journal{}
	cfg := ergon.NewTaskConfig("ingest", producing(3, func(_ context.Context, tx ergon.Transaction) error {
		if tx.ID() == "t1" {
			return ergon.Business(errors.New("no"))
		}
		return nil
	}))
	cfg.Connectors["output"] = (&part{journal: j, name: "output"}).component()
	s, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: quiet()})
	failed, ok := errors.AsType[*runner.ProduceError](err)
	if !ok || failed.Failed != 1 || s.Produced != 2 {
		t.Errorf("got %v after %+v, want a ProduceError of 1", err, s)
	}
	wantErrorText(t, err, `task "ingest": a transaction was not produced: transaction t1: prepare: BUSINESS: no`)
	wantExitCode(t, err, 1)
	j.want(t, "make output", "open output", "close output") // and not finished
}

func TestProducingTaskThatHasReachedItsLimitIsNotFinished(t *testing.T) {
	j := &journal{}
	cfg := ergon.NewTaskConfig("ingest", producing(3, nil))
	cfg.Producer.Loop.Limit = 2
	cfg.Connectors["output"] = (&part{journal: j, name: "output"}).component()
	s, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: quiet()})
	if err != nil || s.Produced != 2 {
		t.Errorf("got %v after %+v, want 2 produced", err, s)
	}
	j.want(t, "make output", "open output", "close output")
}

// [C2]
func TestProducingTaskThatCannotRunSaysWhyBeforeItRuns(t *testing.T) {
	silent := ergon.NewTaskConfig("ingest", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Prepare: func(context.Context, ergon.Transaction) error { return nil }}
	})
	silent.Workers.Count = 2
	_, err := runner.RunTask(t.Context(), silent, runner.Settings{Logger: quiet()})
	wantErrorText(t, err, "the task has no method Transactions and no Execute, so a run of it would produce nothing",
		"workers.count: is 2, but each worker would produce the same transactions; set it to 1")
	wantExitCode(t, err, 2)

	invalid := ergon.NewTaskConfig("ingest", producing(1, nil))
	invalid.Producer.Loop.Throttle.Burst = 0
	err = runner.NewManager(runner.Settings{}).Register(invalid)
	wantErrorText(t, err, `task "ingest": producer.loop.throttle.burst: is 0`)

	incomplete := ergon.NewTaskConfig("needy", func(d *ergon.Dependencies) ergon.Task {
		if ergon.UseService[*part](d, "service").name == "" { // panics where there is none
			d.Fault(errors.New("no name"))
		}
		return processor(nil)(d)
	})
	incomplete.Services["service"] = given(&part{journal: &journal{}, name: "service"})
	_, err = runner.RunTask(t.Context(), incomplete, runner.Settings{Logger: quiet()})
	wantErrorText(t, err, `fetch.connector: "input" is not a source`)
	wantExitCode(t, err, 2)
}

// [E5]
func TestOneTransactionIsPreparedByATaskThatProduces(t *testing.T) {
	m := manage(t, runner.Settings{}, ergon.NewTaskConfig("ingest", producing(1, func(_ context.Context, tx ergon.Transaction) error {
		if tx.ID() == "bad" {
			return ergon.Business(errors.New("no"))
		}
		return nil
	})))
	result, err := m.ProcessTransaction(t.Context(), "ingest", ergon.NewTransaction("good", nil))
	if err != nil || result.Outcome != runner.Succeeded {
		t.Errorf("got %s, %v, want success", result.Outcome, err)
	}
	_, err = m.ProcessTransaction(t.Context(), "ingest", ergon.NewTransaction("bad", nil))
	wantErrorText(t, err, "transaction bad: failed: prepare: BUSINESS: no")
	wantExitCode(t, err, 1)
}

// [E6] A task may have a flow of its own, in which it consumes and produces by the policies of its configuration.
func TestExecuteOfATaskTakesThePlaceOfItsLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		cfg := configure("own", finiteQueue(4), func(*ergon.Dependencies) ergon.Task {
			task := ergon.Task{
				Process: func(context.Context, ergon.Transaction) (any, error) {
					time.Sleep(time.Second)
					return []ergon.Transaction{}, nil
				},
				Prepare: func(context.Context, ergon.Transaction) error {
					time.Sleep(time.Second)
					return nil
				},
				Exit: func(context.Context) error {
					j.addf("exit")
					return nil
				},
			}
			task.Execute = func(ctx context.Context, run ergon.TaskRun) error {
				consumer, producer := run.Policies()
				producer.Loop.Concurrency.Value = 1
				if err := run.Produce(ctx, sequence(3), producer); err != nil {
					return err
				}
				j.addf("produced")
				return run.Consume(ctx, consumer)
			}
			return task
		})
		cfg.Consumer.Loop.Concurrency.Value = 2
		s, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		j.want(t, "produced", "exit")
		if s.Outcomes[runner.Succeeded] != 7 || s.Produced != 3 || s.Elapsed != 5*time.Second {
			t.Errorf("got %+v, want 3 produced and 4 processed, one loop after the other, in 5s", s)
		}
	})
}

// [E6]
func TestWhatAnExecuteFailsWithIsTheTasksError(t *testing.T) {
	for want, execute := range map[string]func(context.Context, ergon.TaskRun) error{
		`task "own": broken`:        func(context.Context, ergon.TaskRun) error { return errors.New("broken") },
		`task "own": panic: broken`: func(context.Context, ergon.TaskRun) error { panic("broken") },
		`task "own": make the loop: there are no transactions to produce`: func(ctx context.Context, run ergon.TaskRun) error {
			_, producer := run.Policies()
			return run.Produce(ctx, nil, producer)
		},
		`fetch.connector: "input" is not a source`: func(ctx context.Context, run ergon.TaskRun) error {
			consumer, _ := run.Policies()
			return run.Consume(ctx, consumer)
		},
	} {
		cfg := ergon.NewTaskConfig("own", func(d *ergon.Dependencies) ergon.Task {
			task := producing(1, nil)(d)
			task.Execute = execute
			return task
		})
		_, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: quiet()})
		wantErrorText(t, err, want)
		wantExitCode(t, err, 1)
	}
}

// [E3, E6] A loop of the task's own flow drains at shutdown like any other; an Execute that does not return is given up.
func TestShutdownReachesTheLoopsOfAnExecute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		var prepared atomic.Int64
		cfg := ergon.NewTaskConfig("own", func(d *ergon.Dependencies) ergon.Task {
			task := producing(1000, func(context.Context, ergon.Transaction) error {
				time.Sleep(10 * time.Second)
				prepared.Add(1)
				return nil
			})(d)
			task.Execute = func(ctx context.Context, run ergon.TaskRun) error {
				_, producer := run.Policies()
				err := run.Produce(ctx, sequence(1000), producer)
				time.Sleep(time.Hour)
				return err
			}
			return task
		})
		time.AfterFunc(5*time.Second, func() { cancel(ergon.ErrInterrupted) })
		began := time.Now()
		_, err := runner.RunTask(ctx, cfg, runner.Settings{Logger: quiet()})
		if !errors.Is(err, ergon.ErrInterrupted) || prepared.Load() != 16 {
			t.Errorf("got %v after %d, want an interruption after 16 were finished", err, prepared.Load())
		}
		if took := time.Since(began); took > 5*time.Second+time.Minute {
			t.Errorf("it took %s, want the shutdown's budget at most", took)
		}
		time.Sleep(2 * time.Hour)
	})
}

// [B1] From any code, without a manager or a configuration.
func TestTransactionsAreProducedFromAnyCode(t *testing.T) {
	task := producing(0, func(_ context.Context, tx ergon.Transaction) error {
		if tx.ID() == "t7" {
			return ergon.Permanent(errors.New("no"))
		}
		return nil
	})(nil)
	s, err := runner.ProduceTransactions(t.Context(), "load", task, sequence(20), policy.DefaultProducer(), runner.Settings{Logger: quiet()})
	if s.Produced != 19 || s.Outcomes[runner.Failed] != 1 {
		t.Errorf("got %+v, want 19 of 20", s)
	}
	wantErrorText(t, err, "a transaction was not produced: transaction t7: prepare: SYSTEM: no")

	_, err = runner.ProduceTransactions(t.Context(), "load", ergon.Task{}, nil, policy.Producer{}, runner.Settings{})
	wantExitCode(t, err, 2)
	if n := strings.Count(err.Error(), "\n"); n < 5 {
		t.Errorf("got %v, want all faults", err)
	}
}

// batches is a connector that notes how many transactions each of its calls had, and takes a second for each.
type batches struct {
	mu    sync.Mutex
	sizes []int
}

func (b *batches) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	b.mu.Lock()
	b.sizes = append(b.sizes, len(batch))
	b.mu.Unlock()
	time.Sleep(time.Second)
	return nil
}

func (b *batches) Close(context.Context) error { return nil }

// [B2] A producing task that uses a connector as a Dispatcher gets a coalescer before it, and otherwise the connector itself.
func TestDispatchesOfATaskThatProducesAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alone := []int{1, 1, 1, 1, 1, 1, 1, 1}
		dispatcher := func(d *ergon.Dependencies) ergon.Dispatcher { return ergon.UseConnector[ergon.Dispatcher](d, "output") }
		for name, c := range map[string]struct {
			use  func(*ergon.Dependencies) ergon.Dispatcher
			size int
			want []int
		}{
			"dispatcher": {dispatcher, 100, []int{1, 7}},
			"its type": {func(d *ergon.Dependencies) ergon.Dispatcher {
				return ergon.UseConnector[*batches](d, "output")
			}, 100, alone},
			"more than dispatching": {func(d *ergon.Dependencies) ergon.Dispatcher {
				return ergon.UseConnector[interface {
					ergon.Dispatcher
					ergon.Closer
				}](d, "output")
			}, 100, alone},
			"size of 1": {dispatcher, 1, alone},
		} {
			output := &batches{}
			cfg := ergon.NewTaskConfig("ingest", func(d *ergon.Dependencies) ergon.Task {
				to := c.use(d)
				return producing(8, func(ctx context.Context, tx ergon.Transaction) error {
					return to.DispatchTransactions(ctx, []ergon.Transaction{tx})
				})(d)
			})
			cfg.Producer.Loop.Batch = policy.ProducerBatch{Size: c.size, Interval: time.Minute}
			cfg.Connectors["output"] = given(output)
			if _, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: quiet()}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(output.sizes, c.want) {
				t.Errorf("%s: calls of %v transactions, want %v", name, output.sizes, c.want)
			}
		}
	})
}

// [B2] What a caller has given up is still waited for before its connector is closed.
func TestDispatchesAreFlushedBeforeTheirConnectorIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		output := &slowClosing{journal: j}
		cfg := ergon.NewTaskConfig("ingest", func(d *ergon.Dependencies) ergon.Task {
			to := ergon.UseConnector[ergon.Dispatcher](d, "output")
			return producing(2, func(ctx context.Context, tx ergon.Transaction) error {
				return to.DispatchTransactions(ctx, []ergon.Transaction{tx})
			})(d)
		})
		cfg.Producer.Prepare.Retry.MaxAttempts, cfg.Producer.Prepare.Retry.Timeout = 1, time.Second
		cfg.Connectors["output"] = given(output)
		if _, err := runner.RunTask(t.Context(), cfg, runner.Settings{Logger: quiet()}); err == nil {
			t.Error("dispatches that were given up are no error")
		}
		if got := j.all(); len(got) == 0 || got[len(got)-1] != "close" {
			t.Errorf("got %q, want nothing after closing", got)
		}
	})
}

// slowClosing heeds no context: its calls take five seconds.
type slowClosing struct{ journal *journal }

func (s *slowClosing) DispatchTransactions(context.Context, []ergon.Transaction) error {
	time.Sleep(5 * time.Second)
	s.journal.addf("dispatched")
	return nil
}

func (s *slowClosing) Close(context.Context) error {
	s.journal.addf("close")
	return nil
}

func TestDispatchesAreJoinedFromAnyCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		output := &batches{}
		to := runner.Coalesce(output, policy.DefaultProducer().Loop.Batch)
		var all sync.WaitGroup
		for _, tx := range transactions(10) {
			all.Go(func() {
				if err := to.DispatchTransactions(t.Context(), []ergon.Transaction{tx}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if want := []int{1, 9}; !slices.Equal(output.sizes, want) {
			t.Errorf("calls of %v transactions, want %v", output.sizes, want)
		}
	})
}
