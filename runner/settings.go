package runner

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/observe"
)

// Settings are what all tasks of a program share. The zero value is usable.
type Settings struct {
	// TracerProvider makes the spans. Nil: the global one.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics. Nil: the global one.
	MeterProvider metric.MeterProvider
	// Logger gets what workers have to say, and is what tasks log with. Nil: slog.Default().
	Logger *slog.Logger
	// ContinueTraces has the trace context that a transaction carries be the parent of its span. Default: it is a link.
	ContinueTraces bool
	// Flush flushes and shuts down telemetry. It is called at the end of every Run and ProcessTransaction, after
	// everything is closed, and has 5 seconds, 3 in a worker process, 1 second once Force is closed. Nil: nothing to flush.
	Flush func(context.Context) error
	// Recorder keeps what became of the last transactions, those of worker processes too, which need one of their own in it.
	// Nil: nothing is recorded.
	Recorder *observe.Recorder
	// Force, when it is closed, cuts a shutdown short; [Signals] makes one for the second signal. Nil: never.
	Force <-chan struct{}

	// Output gets what worker processes (workers.isolation: process) write to standard error, whole lines that name their
	// worker, one Write at a time for each. What they write to standard output comes out of this process's. Nil: os.Stderr.
	Output io.Writer

	// WorkerEnv are variables that worker processes have besides those of this process, as "NAME=value".
	WorkerEnv []string

	jitter func() float64 // takes the place of chance, for tests
}

// logger says where lines belong to.
func (s Settings) logger() *slog.Logger {
	logger := s.Logger
	if logger == nil {
		logger = slog.Default()
	}
	return slog.New(ergon.LogHandler(logger.Handler()))
}
