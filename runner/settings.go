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

// Settings are the common settings of all tasks of a Manager. The zero value is usable.
type Settings struct {
	// TracerProvider makes the spans. Nil: the global one.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics. Nil: the global one.
	MeterProvider metric.MeterProvider
	// Logger gets the log lines of workers and of tasks. Nil: slog.Default().
	Logger *slog.Logger
	// ContinueTraces makes the trace context that a transaction carries the parent of its span. Default: its span has a link
	// to it.
	ContinueTraces bool
	// Flush flushes and shuts down telemetry. It is called at the end of every Run and ProcessTransaction, after everything is
	// closed. It has 5 s, 3 s in a worker process, and 1 s after Force was closed. Nil: nothing to flush.
	Flush func(context.Context) error
	// Recorder keeps the last transactions, including those of worker processes, in which main has to set one as well. Nil:
	// nothing is recorded.
	Recorder *observe.Recorder
	// Force shortens a shutdown when it is closed. [Signals] returns a channel that the second signal closes. Nil: never.
	Force <-chan struct{}

	// Output gets the standard error of worker processes (workers.isolation: process): one Write at a time for each line, which
	// names its worker. Their standard output goes to that of this process. Nil: os.Stderr.
	Output io.Writer

	// WorkerEnv are additional environment variables of worker processes, as "NAME=value".
	WorkerEnv []string

	jitter func() float64 // takes the place of chance, for tests
}

// logger adds the task and the worker to log lines.
func (s Settings) logger() *slog.Logger {
	logger := s.Logger
	if logger == nil {
		logger = slog.Default()
	}
	return slog.New(ergon.LogHandler(logger.Handler()))
}
