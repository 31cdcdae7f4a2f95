package crashrun

import (
	"context"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/policy"
)

// tasks are those of the pipeline.
func (s Setup) tasks() []ergon.TaskConfig {
	in := ergon.NewTaskConfig("ingest", func(d *ergon.Dependencies) ergon.Task {
		return ergon.Produce(&ingest{setup: s, in: ergon.UseConnector[ergon.Dispatcher](d, "in")})
	})
	in.Connectors["in"] = s.queue("in")
	in.Producer.Loop.Concurrency.Value = 100
	in.Producer.Loop.Throttle.Rate, in.Producer.Loop.Throttle.Burst = s.Rate, 10
	all := []ergon.TaskConfig{in, s.hop("work", "in", s.work, "out", "trail"), s.hop("sink", "out", s.sink, "effects")}
	for i := range all {
		all[i].Shutdown = policy.Shutdown{Grace: s.Grace, Force: 2 * time.Second}
		if s.Processes > 0 {
			all[i].Workers.Isolation, all[i].Workers.CrashLimit = policy.IsolationProcess, 1_000_000
		}
	}
	return all
}

// hop is a hybrid task from one queue to others.
func (s Setup) hop(
	name, from string, work func(ctx context.Context, tx ergon.TransactionOf[request]) error, to ...string,
) ergon.TaskConfig {
	cfg := ergon.NewTaskConfig(name, func(d *ergon.Dependencies) ergon.Task {
		t := &hopping{setup: s, to: map[string]ergon.Dispatcher{}, work: work}
		for _, queue := range to {
			t.to[queue] = ergon.UseConnector[ergon.Dispatcher](d, queue)
		}
		return ergon.Hybrid(t)
	})
	for _, queue := range append(to, from) {
		cfg.Connectors[queue] = s.queue(queue)
	}
	cfg.Connectors["dead_letters"] = ergon.Component{
		Type: "sqlite dead letters", New: func() (any, error) { return s.newLetters() },
	}
	cfg.Workers.Count = max(s.Processes, 1)
	consumer := &cfg.Consumer
	consumer.Fetch.Connector = from
	consumer.Loop.Streaming = true
	consumer.Loop.Concurrency.Value = 50
	consumer.Loop.EmptyQueue.Backoff, consumer.Loop.EmptyQueue.BackoffCap = 5*time.Millisecond, 50*time.Millisecond
	consumer.Process.Retry.MaxAttempts = 1
	for _, r := range []*policy.Retry{
		&consumer.Process.Retry, &consumer.Success.Retry, &consumer.Exception.Retry, &cfg.Producer.Prepare.Retry,
	} {
		r.Timeout = s.Lease
	}
	return cfg
}

func (s Setup) queue(name string) ergon.Component {
	return ergon.Component{Type: "sqlite queue", New: func() (any, error) { return s.newQueue(name) }}
}

// newQueue returns a queue that is still to be opened. The first remembers ids, because what was dispatched and did not get
// into the ledger is dispatched again. The others forget them at once, so that what comes twice is seen.
func (s Setup) newQueue(name string) (*sqlite.Queue, error) {
	settings := sqlite.QueueSettings{QueueConfig: sqlite.DefaultQueueConfig()}
	settings.Path, settings.Durability, settings.BusyTimeout = s.file(), s.Durability, time.Minute
	settings.Queue, settings.Lease, settings.MaxDeliveries = name, s.Lease, s.MaxDeliveries
	settings.DedupWindow = 0
	if name == "in" {
		settings.DedupWindow = time.Hour
	}
	return sqlite.NewQueue(settings)
}

func (s Setup) newLetters() (*sqlite.DeadLetters, error) {
	settings := sqlite.DeadLettersSettings{DeadLettersConfig: sqlite.DefaultDeadLettersConfig()}
	settings.Path, settings.Durability, settings.BusyTimeout = s.file(), s.Durability, time.Minute
	return sqlite.NewDeadLetters(settings)
}
