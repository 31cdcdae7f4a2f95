package telemetry

import (
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/ergon-go/ergon/internal/stats"
)

// NewProducer is newProducer, for tests.
func NewProducer(registry *stats.Registry, temporality sdkmetric.TemporalitySelector) sdkmetric.Producer {
	return newProducer(registry, temporality)
}
