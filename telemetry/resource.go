package telemetry

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"

	"github.com/ergon-go/ergon/internal/spans"
)

const serviceName = "service.name"

// Settings describe the program.
type Settings struct {
	// Service is the service.name if neither the configuration nor OTEL_SERVICE_NAME sets it. Version is the service.version.
	Service, Version string
	// Tasks are the tasks that run. The name of a single task is an attribute of everything that is exported. If there are several,
	// each span and metric has the name of its task.
	Tasks []string
	// Worker is the name of the worker that this process runs, if it is one of several. Default: none.
	Worker string
	// ExecutionID is the same for all processes of a run. Default: a random id.
	ExecutionID string
	// Console gets log records, and the output of the exporter console. Nil: standard error.
	Console io.Writer
	// Terminal says that Console is a terminal. The format auto is text then, otherwise JSON.
	Terminal bool
}

// resourceOf describes this process. What the configuration says goes before what is detected.
func resourceOf(ctx context.Context, c Config, s Settings) (*resource.Resource, error) {
	attrs := []attribute.KeyValue{
		semconv.ServiceName(cmp.Or(c.Service, s.Service, "ergon")),
		semconv.ServiceInstanceID(rand.Text()),
		spans.ExecutionID.String(cmp.Or(s.ExecutionID, rand.Text())),
	}
	if s.Version != "" {
		attrs = append(attrs, semconv.ServiceVersion(s.Version))
	}
	if len(s.Tasks) == 1 {
		attrs = append(attrs, spans.Task.String(s.Tasks[0]))
	}
	if s.Worker != "" {
		attrs = append(attrs, spans.Worker.String(s.Worker))
	}
	for _, key := range sortedKeys(c.Resource) {
		attrs = append(attrs, attribute.String(key, c.Resource[key]))
	}
	r, err := resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithOSType(),
		resource.WithProcessPID(), resource.WithProcessExecutableName(), resource.WithProcessRuntimeVersion(),
		resource.WithAttributes(attrs...))
	if err != nil && r == nil {
		return nil, fmt.Errorf("describe the process: %w", err)
	}
	return r, nil // a part that cannot be detected is missing, which is no reason not to run
}
