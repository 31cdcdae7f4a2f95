package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"

	"go.opentelemetry.io/contrib/propagators/autoprop"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Providers are the providers of a program's telemetry. They are safe for concurrent use.
type Providers struct {
	// TracerProvider and MeterProvider are nil if nothing is exported. The runner then uses the global providers, which do nothing
	// unless the program has set them.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	// Logger writes to the console, the file and the exporters. Its records have the ids of task, transaction and span.
	Logger *slog.Logger
	// ContinueTraces is for runner.Settings. It is set if the configuration has propagation: continue.
	ContinueTraces bool
	// Propagator is for instrumentation libraries.
	Propagator propagation.TextMapPropagator
	// Prometheus serves the metrics if prometheus is one of their exporters; nil otherwise.
	Prometheus http.Handler
	// PrometheusAddr is the address of the separate server for metrics; nil if there is none.
	PrometheusAddr net.Addr

	errors     *link // of what no link reports: what OTEL_CONFIG_FILE has made, and the SDK itself
	pipelines  []pipeline
	closers    []func() error
	background sync.WaitGroup
	shutdown   sync.Once
}

// Setup makes the providers that c configures. It does not wait for a collector: if one cannot be reached, that is reported when
// there is something to deliver. Setup fails if a file cannot be read or written, or if an address is in use. It then leaves
// nothing open. The caller must call [Providers.Shutdown]. c must be valid; see [Config.Validate].
func Setup(ctx context.Context, c Config, s Settings) (*Providers, error) {
	b := &builder{config: c, settings: s, providers: &Providers{ContinueTraces: c.Propagation == PropagationContinue}}
	err := b.build(ctx)
	b.providers.pipelines, b.providers.closers = b.pipelines, b.closers
	if err != nil {
		return nil, errors.Join(err, b.providers.Shutdown(ctx))
	}
	b.providers.Logger = b.logger()
	b.providers.errors = newLink("telemetry", "its exporters", 0, b.local)
	return b.providers, nil
}

// SetGlobal makes these providers the global ones, which instrumentation libraries use, and logs errors of the SDK, one a minute
// at most. It does not set the default logger; the program does so with slog.SetDefault.
func (p *Providers) SetGlobal() {
	if len(p.pipelines) > 0 {
		otel.SetErrorHandler(p.errors)
	}
	if p.TracerProvider != nil {
		otel.SetTracerProvider(p.TracerProvider)
	}
	if p.MeterProvider != nil {
		otel.SetMeterProvider(p.MeterProvider)
	}
	if p.TracerProvider != nil && p.Propagator != nil {
		otel.SetTextMapPropagator(p.Propagator)
	}
}

// builder makes providers from a configuration.
type builder struct {
	config    Config
	settings  Settings
	providers *Providers
	stderr    *lockedWriter

	handlers  []slog.Handler
	local     *slog.Logger
	pipelines []pipeline
	closers   []func() error
}

func (b *builder) build(ctx context.Context) error {
	if err := b.localLogs(); err != nil {
		return err
	}
	if b.config.Disabled {
		return nil
	}
	if b.config.ConfigFile != "" {
		return b.handOver(ctx)
	}
	if len(b.config.Propagators) > 0 {
		propagator, err := autoprop.TextMapPropagator(b.config.Propagators...)
		if err != nil {
			return fmt.Errorf("telemetry: propagators: %w", err)
		}
		b.providers.Propagator = propagator
	}
	c := b.config
	if len(c.Traces.Exporters)+len(c.Metrics.Exporters)+len(c.Logs.Exporters) == 0 {
		return nil
	}
	return b.export(ctx)
}

func (b *builder) export(ctx context.Context) error {
	described, err := resourceOf(ctx, b.config, b.settings)
	if err != nil {
		return err
	}
	if len(b.config.Logs.Exporters) > 0 {
		if err := b.exportedLogs(ctx, described); err != nil {
			return err
		}
	}
	if len(b.config.Traces.Exporters) > 0 {
		if err := b.traces(ctx, described); err != nil {
			return err
		}
	}
	if len(b.config.Metrics.Exporters) > 0 {
		return b.metrics(ctx, described)
	}
	return nil
}

func (b *builder) link(signal, to string, room int) *link { return newLink(signal, to, room, b.local) }

// add notes what is to be shut down.
func (b *builder) add(l *link, shutdown func(context.Context) error) {
	b.pipelines = append(b.pipelines, pipeline{link: l, shutdown: shutdown})
}

// console is shared by all that write to it.
func (b *builder) console() io.Writer {
	if b.stderr == nil {
		b.stderr = &lockedWriter{to: b.settings.Console}
		if b.settings.Console == nil {
			b.stderr.to = os.Stderr
		}
	}
	return b.stderr
}

// lockedWriter has those who write take turns.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

var _ io.Writer = (*lockedWriter)(nil)

// Write writes p in one piece.
func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
