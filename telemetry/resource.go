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

// Settings is what a program knows of itself.
type Settings struct {
	// Service is service.name where neither the configuration nor OTEL_SERVICE_NAME says; Version is service.version.
	Service, Version string
	// Tasks are the tasks that run. A single one is an attribute of all that is exported; with several each span and
	// metric says whose it is.
	Tasks []string
	// Worker is the worker that this process is, where it is one of several. Default: none.
	Worker string
	// ExecutionID is what the processes of one run have in common. Default: a random one.
	ExecutionID string
	// Console is where log records, and the exporters named console, write to. Nil: standard error.
	Console io.Writer
	// Terminal tells that Console is a terminal: logs.console.format auto is text then, otherwise JSON.
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
