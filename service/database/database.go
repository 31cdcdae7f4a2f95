package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// Database is a pool of connections. All methods are safe for concurrent use, between Open and Close.
type Database struct {
	config   Config
	location location
	tracers  trace.TracerProvider
	pool     *sql.DB
}

var (
	_ ergon.Opener             = (*Database)(nil)
	_ ergon.Closer             = (*Database)(nil)
	_ capability.HealthChecker = (*Database)(nil)
	_ capability.WorkerBound   = (*Database)(nil)
)

// New returns a database and does not connect.
func New(c Config) (*Database, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	at, err := locate(c)
	if err != nil {
		return nil, err
	}
	return &Database{config: c, location: at, tracers: tracenoop.NewTracerProvider()}, nil
}

// BindWorker takes the tracer of the worker. Without it nothing is traced.
func (d *Database) BindWorker(w capability.Worker) { d.tracers = tracers{tracer: w.Tracer} }

// Open opens the pool and checks that the database answers within connect_timeout.
func (d *Database) Open(ctx context.Context) error {
	d.pool = otelsql.OpenDB(d.location.connector,
		otelsql.WithTracerProvider(d.tracers),
		otelsql.WithAttributes(attribute.String("db.system.name", d.location.system)),
		otelsql.WithSpanErrorAttributesGetter(errorAttributes),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			OmitConnResetSession: true, OmitConnPrepare: true, OmitRows: true, OmitConnectorConnect: true, DisableErrSkip: true,
			RecordError: func(error) bool { return false }, // its text may repeat values; the code is an attribute
		}),
	)
	d.pool.SetMaxOpenConns(d.config.MaxConnections)
	d.pool.SetMaxIdleConns(d.config.MaxConnections)
	d.pool.SetConnMaxIdleTime(d.config.MaxIdleTime)
	d.pool.SetConnMaxLifetime(d.config.MaxLifetime)
	if err := d.CheckHealth(ctx); err != nil {
		return errors.Join(err, d.Close(ctx))
	}
	return nil
}

// CheckHealth returns an error if the database does not answer within connect_timeout.
func (d *Database) CheckHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, d.config.ConnectTimeout, fmt.Errorf("no answer within %s", d.config.ConnectTimeout))
	defer cancel()
	if err := d.pool.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the %s database: %w; check url, and that the server runs and accepts this user",
			d.location.system, causeOf(ctx, err))
	}
	return nil
}

// Close closes the pool. It waits for statements in progress until ctx ends.
func (d *Database) Close(ctx context.Context) error {
	if d.pool == nil {
		return nil
	}
	closed := make(chan error, 1)
	go func() { closed <- d.pool.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			return fmt.Errorf("close the %s database: %w", d.location.system, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the %s database: statements are still in progress: %w", d.location.system, context.Cause(ctx))
	}
}

// Pool returns the pool, for what this package has no method for. What it does is traced, but neither limited nor retried. Nil before
// Open.
func (d *Database) Pool() *sql.DB { return d.pool }

// tracers provides one tracer.
type tracers struct {
	tracenoop.TracerProvider

	tracer trace.Tracer
}

func (t tracers) Tracer(string, ...trace.TracerOption) trace.Tracer { return t.tracer }
