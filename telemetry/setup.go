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

// Providers are what a program is seen by. They are safe for concurrent use.
type Providers struct {
	// TracerProvider and MeterProvider are nil where nothing is exported. For a runner that means the global ones, of which
	// there are none unless the program has set them.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	// Logger writes to the console, the file and the exporters; its records have the ids of task, transaction and span.
	Logger *slog.Logger
	// ContinueTraces is for runner.Settings: it says that the configuration has propagation: continue.
	ContinueTraces bool
	// Propagator is for instrumentation libraries.
	Propagator propagation.TextMapPropagator
	// Prometheus answers with the metrics, where prometheus is one of their exporters; nil otherwise.
	Prometheus http.Handler
	// PrometheusAddr is where they are served by themselves; nil for nowhere.
	PrometheusAddr net.Addr

	errors     *link // of what no link reports: what OTEL_CONFIG_FILE has made, and the SDK itself
	pipelines  []pipeline
	closers    []func() error
	background sync.WaitGroup
	shutdown   sync.Once
}

// Setup makes what c asks for. It does not wait for a collector: one that cannot be reached is reported when something is
// to be delivered. It fails where a file that is named cannot be read or written, or an address is taken; then nothing is
// left open. The caller calls [Providers.Shutdown]. c must be valid: see [Config.Validate].
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

// SetGlobal makes them the ones that instrumentation libraries find, as far as there are any, and has errors of the SDK
// logged, one a minute at most. The logger is left to the program: slog.SetDefault.
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
