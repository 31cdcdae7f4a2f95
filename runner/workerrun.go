package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/placement"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// countTimeout bounds asking a source how many transactions it has.
const countTimeout = 3 * time.Second

// workerRun is one run of a worker: from the making of its components to the closing of the last of them.
type workerRun struct {
	worker     *worker
	components []*component                   // services, then connectors, in the order of opening
	coalescers map[string]*coalesce.Coalescer // what the task dispatches to, by the connector's name
	task       ergon.Task
	ran        bool // the loop has begun, so Exit of the task is called
	found      bool // the source delivered a transaction that it was asked for by id
}

// newRun makes all components, opens them one by one and makes the task, in a span of its own. validate checks the rest. If
// anything fails, what is open is closed again. Faults of the configuration are one *ConfigError with all of them.
func (w *worker) newRun(ctx context.Context, validate func(*workerRun) error) (r *workerRun, err error) {
	ctx, span := spans.Start(w.scoped(ctx), w.tracer, spans.TaskStart,
		trace.WithAttributes(spans.Task.String(w.cfg.Name), spans.Worker.String(w.name)))
	defer spans.End(span)
	r = &workerRun{worker: w}
	if err = r.open(ctx); err == nil {
		err = r.makeTask(ctx, validate)
	}
	if err == nil {
		return r, nil
	}
	w.logCrash(ctx, err)
	recordError(span, err)
	return nil, errors.Join(causeOf(ctx, err), r.close(ctx, false))
}

// causeOf returns the cause of ctx in place of an error that only says that ctx has ended.
func causeOf(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case cause == nil:
		return err
	case !errors.Is(err, errGivenUp) && (errors.Is(err, ctx.Err()) || errors.Is(err, cause)):
		return cause
	default:
		return errors.Join(cause, err)
	}
}

// open makes all components and opens them one by one.
func (r *workerRun) open(ctx context.Context) error {
	var err error
	if r.components, err = makeComponents(ctx, r.worker.cfg); err != nil {
		return r.worker.configError(err)
	}
	if err := r.checkPlacement(); err != nil {
		return r.worker.configError(err)
	}
	for _, c := range r.components {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := r.worker.bind(ctx, c); err != nil {
			return err
		}
		if err := c.declare(); err != nil {
			return err
		}
		if err := r.worker.open(ctx, c); err != nil {
			return err
		}
		if err := c.declareAgain(); err != nil {
			return err
		}
	}
	return nil
}

// checkPlacement returns the components that do not fit the number and isolation of the task's workers. It is called before
// anything is opened, so that no worker takes what another worker cannot have.
func (r *workerRun) checkPlacement() error {
	w := r.worker
	components := make([]placement.Component, len(r.components))
	for i, c := range r.components {
		components[i] = placement.Component{
			Name: c.String(), Source: c.kind == connector && c.name == w.cfg.Consumer.Fetch.Connector, Value: c.value,
		}
	}
	workers := placement.Of(w.cfg)
	workers.Count, workers.Isolated = w.count, w.isolated
	return placement.Check(workers, components)
}

// makeTask makes the task and validates it. It returns the faults of the task's dependencies together with its own.
func (r *workerRun) makeTask(ctx context.Context, validate func(*workerRun) error) error {
	dependencies := ergon.NewDependencies(r.named(connector), r.named(service), r.worker.handed)
	dependencies.DispatchThrough(r.makeCoalescers())
	var task ergon.Task
	err := call(ctx, openPatience, func(context.Context) error {
		task = r.worker.cfg.New(dependencies)
		return nil
	}, nil)
	if errors.Is(err, errGivenUp) {
		return fmt.Errorf("make the task: %w", err)
	}
	if err != nil {
		return r.worker.configError(errors.Join(fmt.Errorf("make the task: %w", err), checkError(dependencies.Err())))
	}
	r.task = task
	if task.Prepare != nil {
		for _, c := range r.coalescers {
			c.SetBatch(r.worker.cfg.Producer.Loop.Batch)
		}
	}
	err = call(ctx, openPatience, func(context.Context) error { return validate(r) }, nil)
	if err = errors.Join(checkError(dependencies.Err()), err); err != nil {
		return r.worker.configError(err)
	}
	return nil
}

// makeCoalescers puts a coalescer before each connector that can be dispatched to. Its batch size is 1 until it is known that
// the task produces.
func (r *workerRun) makeCoalescers() map[string]ergon.Dispatcher {
	r.coalescers = map[string]*coalesce.Coalescer{}
	through := map[string]ergon.Dispatcher{}
	for name, value := range r.named(connector) {
		if to, ok := capability.As[ergon.Dispatcher](value); ok {
			r.coalescers[name] = coalesce.New(to, policy.ProducerBatch{Size: 1})
			through[name] = r.coalescers[name]
		}
	}
	return through
}

// named returns the connectors or the services by name.
func (r *workerRun) named(k kind) map[string]any {
	values := map[string]any{}
	for _, c := range r.components {
		if c.kind == k {
			values[c.name] = c.value
		}
	}
	return values
}

// settings returns what a loop is made of.
func (r *workerRun) settings(p policy.Consumer) pipeline.Settings {
	w := r.worker
	connectors := r.named(connector)
	source, _ := capability.As[ergon.Fetcher](connectors[p.Fetch.Connector])
	var deadLetters ergon.Dispatcher
	if p.Loop.DeadLetter != policy.DeadLetterSource {
		deadLetters, _ = capability.As[ergon.Dispatcher](connectors[p.Loop.DeadLetter])
	}
	return pipeline.Settings{
		Task: w.cfg.Name, Worker: w.name, Identity: w.cfg.OutputIdentity(r.sourceName(p)),
		Handlers: r.task, Source: source, DeadLetters: deadLetters, Policy: p,
		Producer: w.cfg.Producer, Shutdown: w.cfg.Shutdown, Force: w.settings.Force,
		Recorder: w.settings.Recorder, OnSettle: w.onSettle, Hanging: &w.hanging,
		TracerProvider: w.settings.TracerProvider, MeterProvider: w.settings.MeterProvider, Logger: w.logger,
		ContinueTraces: w.settings.ContinueTraces,
	}
}

// sourceName is the logical name of the source: its own, or that of its connector.
func (r *workerRun) sourceName(p policy.Consumer) string {
	return cmp.Or(r.declared(p.Fetch.Connector).Destination, p.Fetch.Connector)
}

// declared is the declaration of the connector of that name, which is open.
func (r *workerRun) declared(name string) capability.Declaration {
	for _, c := range r.components {
		if c.kind == connector && c.name == name {
			return c.declared
		}
	}
	return capability.Declaration{}
}

// unrepeatable reports whether another run cannot continue what this one does: the task fetches nothing from a source that
// would deliver it again.
func (r *workerRun) unrepeatable() bool { return r.task.Execute != nil || r.task.Process == nil }

// countTransactions asks the source how many transactions it has. -1: it has no answer, or knows only a part.
func (r *workerRun) countTransactions(ctx context.Context) int64 {
	w := r.worker
	if r.task.Process == nil {
		return -1 // there is no source
	}
	source := w.cfg.Consumer.Fetch.Connector
	counter, ok := capability.As[capability.Counter](r.named(connector)[source])
	if !ok || w.count > 1 && r.declared(source).Sharing == capability.SharingDivided {
		return -1
	}
	ctx, cancel := context.WithTimeoutCause(w.scoped(ctx), countTimeout, fmt.Errorf("no answer within %s", countTimeout))
	defer cancel()
	var n int64
	err := call(ctx, returnTime, func(ctx context.Context) error {
		counted, err := counter.CountTransactions(ctx)
		n = counted
		return err
	}, nil)
	if err != nil {
		w.logger.DebugContext(ctx, "the source could not count its transactions", "error", err)
		return -1
	}
	if limit := w.cfg.Consumer.Loop.Limit; limit > 0 {
		n = min(n, limit)
	}
	return n
}
