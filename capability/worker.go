package capability

import (
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// Worker is one of the workers that run a task, as its connectors and services know it.
type Worker struct {
	// Task and Name are the names of the task and of the worker.
	Task, Name string
	// Component is what the connector or service itself is called in its task, such as input.
	Component string
	// Index is which of the task's workers it is, from 0; Count is how many there are. A Count of 0 is no worker: something is
	// opened to be looked into or put into, from outside of the task's loop.
	Index, Count int
	// Logger is the worker's: its lines name task and worker where they are written with the context of a call. Tracer makes
	// spans. Neither is nil.
	Logger *slog.Logger
	Tracer trace.Tracer
}

// WorkerBound is a connector or service that wants to know which worker it belongs to: to divide a source, to name itself
// to a broker, to log. [E2]
type WorkerBound interface {
	// BindWorker is called once, after construction and before Open. It does no I/O and does not fail. It is not called where
	// a configuration is only checked.
	BindWorker(w Worker)
}
