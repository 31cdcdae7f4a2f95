package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/internal/placement"
	"github.com/ergon-go/ergon/internal/spans"
	"github.com/ergon-go/ergon/policy"
)

// life is what a worker has from the making of its components to the closing of the last of them.
type life struct {
	worker     *worker
	components []*component                   // services, then connectors, in the order of opening
	coalescers map[string]*coalesce.Coalescer // what the task dispatches to, by the connector's name
	task       ergon.Task
	ran        bool // the loop has begun, so the task gets to say goodbye
	found      bool // the source was asked for a transaction by its id, and delivered it
}

// start makes all components, opens them one by one and makes the task, in a span of its own. check says what else must
// be right. Where anything fails, what is open is closed again. Faults of the configuration are a *ConfigError with all of
// them.
func (w *worker) start(ctx context.Context, check func(*life) error) (l *life, err error) {
	ctx, span := spans.Start(w.scoped(ctx), w.tracer, spans.TaskStart,
		trace.WithAttributes(spans.Task.String(w.cfg.Name), spans.Worker.String(w.name)))
	defer spans.End(span)
	l = &life{worker: w}
	if err = l.begin(ctx, check); err == nil {
		return l, nil
	}
	w.logCrash(ctx, err)
	recordError(span, err)
	return nil, errors.Join(cutShort(ctx, err), l.end(ctx, false))
}

// cutShort returns why ctx has ended, where it has, in place of an error that only says so.
func cutShort(ctx context.Context, err error) error {
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

func (l *life) begin(ctx context.Context, check func(*life) error) error {
	if err := l.open(ctx); err != nil {
		return err
	}
	return l.makeTask(ctx, check)
}

// open makes all components and opens them one by one.
func (l *life) open(ctx context.Context) error {
	var err error
	if l.components, err = makeComponents(ctx, l.worker.cfg); err != nil {
		return l.worker.fault(err)
	}
	if err := l.place(); err != nil {
		return l.worker.fault(err)
	}
	for _, c := range l.components {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := l.worker.bind(ctx, c); err != nil {
			return err
		}
		if err := l.worker.open(ctx, c); err != nil {
			return err
		}
		if err := c.declare(); err != nil {
			return err
		}
	}
	return nil
}

// place returns which components do not fit how the task's workers run. It comes before anything is opened, so that no worker
// takes what another one is refused.
func (l *life) place() error {
	w := l.worker
	components := make([]placement.Component, len(l.components))
	for i, c := range l.components {
		components[i] = placement.Component{
			Name: c.String(), Source: c.kind == connector && c.name == w.cfg.Consumer.Fetch.Connector, Value: c.value,
		}
	}
	workers := placement.Of(w.cfg)
	workers.Count, workers.Isolated = w.count, w.isolated
	return placement.Check(workers, components)
}

// makeTask reports the faults of the task's dependencies together with its own.
func (l *life) makeTask(ctx context.Context, check func(*life) error) error {
	dependencies := ergon.NewDependencies(l.named(connector), l.named(service), l.worker.handed)
	dependencies.DispatchThrough(l.makeCoalescers())
	var task ergon.Task
	err := call(ctx, openPatience, func(context.Context) error {
		task = l.worker.cfg.New(dependencies)
		return nil
	}, nil)
	if errors.Is(err, errGivenUp) {
		return fmt.Errorf("make the task: %w", err)
	}
	if err != nil {
		return l.worker.fault(errors.Join(fmt.Errorf("make the task: %w", err), hear(dependencies.Err())))
	}
	l.task = task
	if task.Prepare != nil {
		for _, o := range l.coalescers {
			o.SetBatch(l.worker.cfg.Producer.Loop.Batch)
		}
	}
	err = call(ctx, openPatience, func(context.Context) error { return check(l) }, nil)
	if err = errors.Join(hear(dependencies.Err()), err); err != nil {
		return l.worker.fault(err)
	}
	return nil
}

// makeCoalescers puts a coalescer before each connector that can be dispatched to. It joins nothing until it is known that the
// task produces.
func (l *life) makeCoalescers() map[string]ergon.Dispatcher {
	l.coalescers = map[string]*coalesce.Coalescer{}
	through := map[string]ergon.Dispatcher{}
	for name, value := range l.named(connector) {
		if to, ok := value.(ergon.Dispatcher); ok {
			l.coalescers[name] = coalesce.New(to, policy.ProducerBatch{Size: 1})
			through[name] = l.coalescers[name]
		}
	}
	return through
}

// named returns the connectors or the services by name.
func (l *life) named(k kind) map[string]any {
	values := map[string]any{}
	for _, c := range l.components {
		if c.kind == k {
			values[c.name] = c.value
		}
	}
	return values
}

// settings are what the loop is made of.
func (l *life) settings(p policy.Consumer) pipeline.Settings {
	w := l.worker
	connectors := l.named(connector)
	source, _ := connectors[p.Fetch.Connector].(ergon.Fetcher)
	var deadLetters ergon.Dispatcher
	if p.Loop.DeadLetter != policy.DeadLetterSource {
		deadLetters, _ = connectors[p.Loop.DeadLetter].(ergon.Dispatcher)
	}
	return pipeline.Settings{
		Task: w.cfg.Name, Worker: w.name, Identity: w.cfg.OutputIdentity(l.sourceName(p)),
		Handlers: l.task, Source: source, DeadLetters: deadLetters, Policy: p,
		Producer: w.cfg.Producer, Shutdown: w.cfg.Shutdown, Force: w.settings.Force,
		Recorder: w.settings.Recorder, OnSettle: w.onSettle, Hanging: &w.hanging,
		TracerProvider: w.settings.TracerProvider, MeterProvider: w.settings.MeterProvider, Logger: w.logger,
		ContinueTraces: w.settings.ContinueTraces,
	}
}

// sourceName is the logical name of what is read from: the source's own or, where it has none, the connector's.
func (l *life) sourceName(p policy.Consumer) string {
	return cmp.Or(l.declared(p.Fetch.Connector).Destination, p.Fetch.Connector)
}

// declared is what the connector of that name said once it was open.
func (l *life) declared(name string) capability.Declaration {
	for _, c := range l.components {
		if c.kind == connector && c.name == name {
			return c.declared
		}
	}
	return capability.Declaration{}
}

// end lets a task whose loop has run say goodbye, finishes what wants to know of a natural end, and closes everything in
// the reverse order of opening. A goodbye that fails makes the end none to finish for: the task may have had more to send.
func (l *life) end(ctx context.Context, natural bool) error {
	ctx, cancel := l.worker.shutdown.closing(l.worker.scoped(ctx), l.worker.cfg.Shutdown)
	defer cancel()
	bye := &goodbye{ctx: ctx, left: l.calls(natural)}
	if known := l.worker.known; known != nil { // what the task dispatches at its exit
		bye.ctx = capability.WithDispatchReport(ctx, known.Hear)
	}
	if l.ran && l.task.Exit != nil {
		bye.say("exit of the task", l.task.Exit)
	}
	for _, name := range slices.Sorted(maps.Keys(l.coalescers)) {
		if o := l.coalescers[name]; !o.Idle() {
			bye.say(fmt.Sprintf("flush what was dispatched to connector %q", name), o.Flush)
		}
	}
	if natural && len(bye.errs) == 0 {
		l.finish(bye)
	}
	for _, c := range slices.Backward(l.components) {
		if closer, ok := c.value.(ergon.Closer); ok && c.held {
			bye.say("close "+c.String(), closer.Close)
		}
	}
	for _, err := range bye.errs {
		l.worker.logCrash(ctx, err)
	}
	return errors.Join(bye.errs...)
}

// calls is how many calls the end takes.
func (l *life) calls(natural bool) int {
	n := 1
	for _, c := range l.components {
		if _, ok := c.value.(ergon.Closer); ok && c.held {
			n++
		}
		if _, ok := c.value.(capability.Finisher); ok && natural && c.kind == connector {
			n++
		}
	}
	return n
}

// finish tells the source first, and the other connectors only where that succeeded. A source forgets then how far it has
// come. Were a sink's result put in place before that and the program killed in between, the next run would begin where
// the source ended, have nothing to write, and replace the result by nothing. This way round the next run does some or
// all of the work again. One sink that fails does not keep the others from being finished.
func (l *life) finish(bye *goodbye) {
	source := l.worker.cfg.Consumer.Fetch.Connector
	for _, c := range l.components {
		if f, ok := c.value.(capability.Finisher); ok && c.kind == connector && c.name == source {
			if !bye.say("finish "+c.String(), f.Finish) {
				return
			}
		}
	}
	for _, c := range l.components {
		if f, ok := c.value.(capability.Finisher); ok && c.kind == connector && c.name != source {
			bye.say("finish "+c.String(), f.Finish)
		}
	}
}
