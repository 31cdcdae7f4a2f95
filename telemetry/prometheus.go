package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// scrapeTimeout bounds one request for metrics.
const scrapeTimeout = 10 * time.Second

// prometheus makes a reader whose metrics are served, by the program or on an address of their own.
func (b *builder) prometheus(own sdkmetric.Producer) (sdkmetric.Reader, error) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithProducer(own))
	if err != nil {
		return nil, fmt.Errorf("telemetry: prometheus: %w", err)
	}
	b.providers.Prometheus = promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: scrapeTimeout})
	if listen := b.config.Metrics.Prometheus.Listen; listen != "" {
		return exporter, b.serve(listen)
	}
	return exporter, nil
}

func (b *builder) serve(listen string) error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", listen)
	if err != nil {
		return fmt.Errorf("telemetry: metrics.prometheus.listen: %w; choose another address, or leave it empty for none", err)
	}
	b.providers.PrometheusAddr = listener.Addr()
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", b.providers.Prometheus)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: scrapeTimeout, ReadTimeout: scrapeTimeout, WriteTimeout: 2 * scrapeTimeout,
		IdleTimeout: time.Minute, ErrorLog: slog.NewLogLogger(b.local.Handler(), slog.LevelDebug),
	}
	b.providers.background.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			b.local.Error("metrics are not served any more", "address", listen, "error", err)
		}
	})
	b.closers = append(b.closers, server.Close)
	return nil
}
