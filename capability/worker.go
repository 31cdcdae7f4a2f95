package capability

import (
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// Worker describes one of the workers that run a task, for its connectors and services.
type Worker struct {
	// Task and Name are the names of the task and of the worker.
	Task, Name string
	// Component is the name of the connector or service in its task, such as input.
	Component string
	// Index is the number of the worker among the task's workers, from 0; Count is their number. A Count of 0 means that the
	// component is opened outside a worker, to read it or to add to it.
	Index, Count int
	// Logger is the worker's logger: a line that is written with the context of a call names task and worker. Tracer starts
	// spans. Neither is nil.
	Logger *slog.Logger
	Tracer trace.Tracer
}

// WorkerBound is a connector or service that needs to know its worker: to divide a source, to name itself to a broker, or to
// log [E2].
type WorkerBound interface {
	// BindWorker is called once, after construction and before Open. It does no I/O and does not fail. It is not called if a
	// configuration is only checked.
	BindWorker(w Worker)
}
