package ergontest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// run is one run of a rig.
type run struct {
	rig   *Rig
	begin time.Time

	spans      recorder
	logs       logbook
	source     *source // nil where the rig has one of its own
	letters    *letters
	coalescers coalescers
	task       ergon.Task

	mu    sync.Mutex
	ended []TransactionResult
}

// do returns an error where the task could not be run.
func (r *run) do(ctx context.Context, transactions []ergon.Transaction) (Report, error) {
	r.spans.begin, r.logs.begin = r.begin, r.begin
	settings, err := r.settings(transactions)
	if err != nil {
		return Report{}, err
	}
	components := r.components(settings.Source)
	if err := components.open(ctx); err != nil {
		return Report{}, errors.Join(err, components.close(ctx))
	}
	loop, err := r.make(settings, transactions)
	if err != nil {
		return Report{}, errors.Join(err, components.close(ctx))
	}
	err = loop.Run(ctx)
	ctx = context.WithoutCancel(ctx)
	if r.task.Exit != nil {
		err = errors.Join(err, r.task.Exit(ctx))
	}
	err = errors.Join(err, r.coalescers.flush(ctx))
	elapsed := time.Since(r.begin)
	err = errors.Join(err, components.close(ctx))
	return r.report(elapsed, err), awaitAbandoned(loop)
}

// loop consumes or produces.
type loop interface {
	Run(ctx context.Context) error
	Snapshot() pipeline.Snapshot
}

// awaitAbandoned lets handlers return that were given up: time stands still in a bubble whose test is over.
func awaitAbandoned(of loop) error {
	const patience = 24 * time.Hour
	for wait := time.Millisecond; of.Snapshot().Abandoned > 0; wait *= 2 {
		if wait > patience {
			return fmt.Errorf("%d attempts were given up and their handlers have not returned for more than %v of virtual time; "+
				"make them respect their context", of.Snapshot().Abandoned, patience)
		}
		time.Sleep(wait)
	}
	return nil
}

// make makes the task and its loop; its error has the faults of both.
func (r *run) make(settings pipeline.Settings, transactions []ergon.Transaction) (loop, error) {
	dependencies := ergon.NewDependencies(r.rig.Connectors, r.rig.Services, settings.Logger)
	r.coalescers = r.before(dependencies)
	r.task = r.rig.New(dependencies)
	settings.Handlers = r.task
	if r.task.Prepare != nil {
		r.coalescers.join(r.rig.Producer.Loop.Batch)
	}
	var made loop
	var err error
	if r.task.Process == nil && r.task.Prepare != nil {
		made, err = r.producing(settings, transactions)
	} else {
		made, err = pipeline.New(settings)
	}
	if err = errors.Join(dependencies.Err(), err); err != nil {
		return nil, fmt.Errorf("the task cannot run:\n%w", err)
	}
	return made, nil
}

// settings are all but the task.
func (r *run) settings(transactions []ergon.Transaction) (pipeline.Settings, error) {
	from := r.rig.Source
	switch {
	case from == nil:
		var err error
		if r.source, err = newSource(transactions, r.rig.MaxDeliveries, r.begin); err != nil {
			return pipeline.Settings{}, err
		}
		from = r.source
	case len(transactions) > 0:
		return pipeline.Settings{}, fmt.Errorf("run was given %d transactions, and the rig has a Source; put them into that one",
			len(transactions))
	}
	p := exact(r.rig.Policy)
	var dead ergon.Dispatcher
	if p.Loop.DeadLetter != policy.DeadLetterSource {
		next, _ := capability.As[ergon.Dispatcher](r.rig.Connectors[p.Loop.DeadLetter])
		r.letters = &letters{next: next}
		dead = r.letters
	}
	return pipeline.Settings{
		Task: r.rig.Name, Worker: r.rig.Name + "-1", Source: from, DeadLetters: dead, Policy: p,
		Producer: exactProducer(r.rig.Producer), Shutdown: r.rig.Shutdown,
		OnEnd: r.end, TracerProvider: &r.spans, Logger: slog.New(ergon.LogHandler(&logHandler{book: &r.logs})),
	}, nil
}

// exact leaves out of a policy what is random, and makes the loop end.
func exact(p policy.Consumer) policy.Consumer {
	for _, retry := range []*policy.Retry{
		&p.Fetch.Retry, &p.Process.Retry, &p.Success.Retry, &p.Exception.Retry, &p.Settle.Retry,
	} {
		retry.Jitter = 0
	}
	p.Loop.Streaming = false
	p.Loop.EmptyQueue = policy.EmptyQueue{Backoff: time.Nanosecond, BackoffMultiplier: 1, BackoffCap: time.Nanosecond}
	return p
}

// end is notified of each lifecycle that has ended.
func (r *run) end(result pipeline.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, TransactionResult{
		Transaction: result.Transaction, Outcome: Outcome(result.Outcome), Value: result.Value, Err: result.Err,
	})
}
