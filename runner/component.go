package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/spans"
)

const (
	// openTimeout bounds the opening of one component. It is for one that hangs, not for a slow one.
	openTimeout = 5 * time.Minute
	// openPatience is how long a component has to return after its context has ended.
	openPatience = time.Second
	// lateCloseTimeout bounds the closing of a component that was opened after it had been given up.
	lateCloseTimeout = 5 * time.Second
)

type kind string

const (
	connector kind = "connector"
	service   kind = "service"
)

// component is a connector or service of one worker.
type component struct {
	kind  kind
	name  string
	typ   string
	value any
	// declared is the declaration of a connector: once it is open, that of its second answer.
	declared capability.Declaration
	// mustClose is set while there may be something to close: from the call of Open on, or from the beginning if there is no
	// Open.
	mustClose bool
}

// String names the component for errors.
func (c *component) String() string {
	if c.typ == "" {
		return fmt.Sprintf("%s %q", c.kind, c.name)
	}
	return fmt.Sprintf("%s %q (%s)", c.kind, c.name, c.typ)
}

// makeComponents makes services, then connectors, each in the order of their names. It returns the faults of all that cannot
// be made.
func makeComponents(ctx context.Context, cfg ergon.TaskConfig) ([]*component, error) {
	var made []*component
	var faults []error
	for _, of := range []struct {
		kind kind
		all  map[string]ergon.Component
	}{{service, cfg.Services}, {connector, cfg.Connectors}} {
		for _, name := range slices.Sorted(maps.Keys(of.all)) {
			c := &component{kind: of.kind, name: name, typ: of.all[name].Type}
			faults = append(faults, c.make(ctx, of.all[name]))
			made = append(made, c)
		}
	}
	return made, errors.Join(faults...)
}

func (c *component) make(ctx context.Context, from ergon.Component) error {
	var made any
	err := call(ctx, openPatience, func(context.Context) error {
		value, err := from.New()
		if err == nil && value == nil {
			err = errors.New("its Component.New returned nil and no error")
		}
		made = value
		return err
	}, nil)
	if err != nil {
		return fmt.Errorf("make %s: %w", c, err)
	}
	c.value = made
	_, opens := made.(ergon.Opener)
	c.mustClose = !opens
	return nil
}

// bind calls BindWorker of c, if it has one.
func (w *worker) bind(ctx context.Context, c *component) error {
	bound, wants := capability.As[capability.WorkerBound](c.value)
	if !wants {
		return nil
	}
	err := call(ctx, openPatience, func(context.Context) error {
		bound.BindWorker(capability.Worker{
			Task: w.cfg.Name, Name: w.name, Component: c.name, Index: w.index, Count: w.count, Logger: w.handed, Tracer: w.tracer,
		})
		return nil
	}, nil)
	if err != nil {
		return fmt.Errorf("bind %s to its worker: %w", c, err)
	}
	return nil
}

// open opens c, if it is an Opener.
func (w *worker) open(ctx context.Context, c *component) error {
	ctx, span := spans.Start(ctx, w.tracer, spans.OpenPrefix+c.name)
	defer spans.End(span)
	if span.IsRecording() {
		key := spans.Connector
		if c.kind == service {
			key = spans.Service
		}
		span.SetAttributes(key.String(c.name), spans.ComponentType.String(c.typ), spans.Task.String(w.cfg.Name), spans.Worker.String(w.name))
	}
	opener, ok := c.value.(ergon.Opener)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, openTimeout, fmt.Errorf("not open within %s", openTimeout))
	defer cancel()
	c.mustClose = true
	err := call(ctx, openPatience, opener.Open, func() { w.closeLate(ctx, c) })
	if err != nil {
		c.mustClose = !errors.Is(err, errGivenUp)
		err = fmt.Errorf("open %s: %w", c, err)
		recordError(span, err)
	}
	return err
}

// declare notes the declaration of a connector.
func (c *component) declare() (err error) {
	if c.kind != connector {
		return nil
	}
	if c.declared, err = capability.DeclarationOf(c.value); err != nil {
		return fmt.Errorf("read the declaration of %s: %w", c, err)
	}
	return nil
}

// declareAgain notes the declaration of a connector that is open, which may only promise less than the one before [K1].
func (c *component) declareAgain() error {
	before := c.declared
	if err := c.declare(); err != nil {
		return err
	}
	if err := c.declared.Narrows(before); err != nil {
		return fmt.Errorf("declaration of %s: %w", c, err)
	}
	return nil
}

// closeLate closes a component that was opened after it had been given up.
func (w *worker) closeLate(ctx context.Context, c *component) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateCloseTimeout)
	defer cancel()
	w.logger.WarnContext(ctx, "component was opened after it had been given up; it is closed again", string(c.kind), c.name)
	closer, ok := c.value.(ergon.Closer)
	if !ok {
		return
	}
	if err := call(ctx, returnTime, closer.Close, nil); err != nil {
		w.logger.ErrorContext(ctx, "component could not be closed", string(c.kind), c.name, "error", err)
	}
}

func recordError(span trace.Span, err error) {
	if !span.IsRecording() {
		return
	}
	var options []trace.EventOption
	if c, ok := errors.AsType[*crash](err); ok {
		options = append(options, trace.WithAttributes(spans.ExceptionStack.String(string(c.stack))))
	}
	span.SetAttributes(spans.ErrorType.String(ergon.CategoryOf(err).String()))
	span.SetStatus(codes.Error, err.Error())
	span.RecordError(err, options...)
}
