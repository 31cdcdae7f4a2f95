package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/ergon-go/ergon/telemetry"
)

// exportedBusyFor is how long the handlers of telemetry's promise work: at least half of the throughput with everything
// exported, 95 % with one transaction in a hundred.
const exportedBusyFor = 100 * time.Microsecond

// Exports is how much of the throughput is left when all is exported that package telemetry can export. What is received
// is read and thrown away in this process, so the receiver's share is small, but in it.
func Exports() []Entry {
	return Entries([]Contestant{
		NewEngine().Contestant("telemetry off"),
		exported("sampled at 1 %, with metrics", func(c *telemetry.Config) {
			c.Traces.Sampler, c.Traces.Ratio = telemetry.SamplerTransactions, 0.01
		}),
		exported("metrics only", func(c *telemetry.Config) { c.Traces.Exporters = nil }),
		exported("every span, with metrics", func(*telemetry.Config) {}),
		exported("every span, with metrics, compressed", func(c *telemetry.Config) { c.OTLP.Compression = telemetry.CompressionGzip }),
	}, Busy(exportedBusyFor))
}

// exported is the engine with OTLP over HTTP to a loopback address; the time includes the set-up and the last flush. Spans
// that the queue has no room for are dropped, as in a service that is as busy.
func exported(name string, change func(*telemetry.Config)) Contestant {
	c := NewEngine().Contestant(name)
	c.Run = func(ctx context.Context, items int, work Work) (int, error) {
		sink, stop, err := startSink(ctx)
		if err != nil {
			return 0, err
		}
		defer stop()
		cfg := telemetry.DefaultConfig()
		cfg.OTLP.Endpoint = sink
		cfg.Traces.Exporters = []telemetry.Exporter{telemetry.ExporterOTLP}
		cfg.Metrics.Exporters = cfg.Traces.Exporters
		change(&cfg)
		p, err := telemetry.Setup(ctx, cfg, telemetry.Settings{Service: "bench", Console: io.Discard})
		if err != nil {
			return 0, fmt.Errorf("set up telemetry: %w", err)
		}
		succeeded, err := NewEngine(func(e *Engine) { e.Tracers, e.Meters = p.TracerProvider, p.MeterProvider }).Run(ctx, items, work)
		_ = p.Shutdown(ctx) // says what was dropped
		return succeeded, err
	}
	return c
}

// startSink accepts all that comes.
func startSink(ctx context.Context) (address string, stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("start a receiver: %w", err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // a client that goes away is no matter
		}),
		ReadHeaderTimeout: time.Second,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends when it is closed
	}()
	return "http://" + l.Addr().String(), func() {
		_ = server.Close()
		<-done
	}, nil
}
