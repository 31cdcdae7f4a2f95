package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // the compressor
)

// retry is what each exporter calls its RetryConfig.
type retry struct {
	Enabled                                      bool
	InitialInterval, MaxInterval, MaxElapsedTime time.Duration
}

// retry is how a request is repeated that the collector was too busy for: soon, as queues are bounded, within the timeout.
func (o OTLP) retry() retry {
	return retry{Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 5 * time.Second, MaxElapsedTime: o.Timeout}
}

//nolint:dupl // each signal has exporters of its own, whose options are types of their own
func (b *builder) otlpSpans(ctx context.Context, room int) (exporter sdktrace.SpanExporter, l *link, err error) {
	o := b.config.of(traces)
	l = b.otlpLink(traces, o, room)
	if o.Protocol == ProtocolGRPC {
		conn, err := b.dial(o, l)
		if err != nil {
			return nil, nil, err
		}
		exporter, err = otlptracegrpc.New(ctx, otlptracegrpc.WithGRPCConn(conn), otlptracegrpc.WithHeaders(o.Headers),
			otlptracegrpc.WithTimeout(o.Timeout), otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig(o.retry())))
		return exporter, l, err
	}
	client, compression, err := b.client(o)
	if err != nil {
		return nil, nil, err
	}
	exporter, err = otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.Endpoint), otlptracehttp.WithHeaders(o.Headers),
		otlptracehttp.WithTimeout(o.Timeout), otlptracehttp.WithHTTPClient(client),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig(o.retry())),
		otlptracehttp.WithCompression(otlptracehttp.Compression(compression)))
	return exporter, l, err
}

func (b *builder) otlpMetrics(ctx context.Context) (exporter sdkmetric.Exporter, l *link, err error) {
	o := b.config.of(metrics)
	l = b.otlpLink(metrics, o, 0)
	temporality := temporalityOf(b.config.Metrics.Temporality)
	if o.Protocol == ProtocolGRPC {
		conn, err := b.dial(o, l)
		if err != nil {
			return nil, nil, err
		}
		exporter, err = otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithGRPCConn(conn), otlpmetricgrpc.WithHeaders(o.Headers),
			otlpmetricgrpc.WithTimeout(o.Timeout),
			otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig(o.retry())), otlpmetricgrpc.WithTemporalitySelector(temporality))
		return exporter, l, err
	}
	client, compression, err := b.client(o)
	if err != nil {
		return nil, nil, err
	}
	exporter, err = otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(o.Endpoint), otlpmetrichttp.WithHeaders(o.Headers),
		otlpmetrichttp.WithTimeout(o.Timeout), otlpmetrichttp.WithHTTPClient(client),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig(o.retry())),
		otlpmetrichttp.WithCompression(otlpmetrichttp.Compression(compression)), otlpmetrichttp.WithTemporalitySelector(temporality))
	return exporter, l, err
}

//nolint:dupl // each signal has exporters of its own, whose options are types of their own
func (b *builder) otlpLogs(ctx context.Context, room int) (exporter sdklog.Exporter, l *link, err error) {
	o := b.config.of(logs)
	l = b.otlpLink(logs, o, room)
	if o.Protocol == ProtocolGRPC {
		conn, err := b.dial(o, l)
		if err != nil {
			return nil, nil, err
		}
		exporter, err = otlploggrpc.New(ctx, otlploggrpc.WithGRPCConn(conn), otlploggrpc.WithHeaders(o.Headers),
			otlploggrpc.WithTimeout(o.Timeout), otlploggrpc.WithRetry(otlploggrpc.RetryConfig(o.retry())))
		return exporter, l, err
	}
	client, compression, err := b.client(o)
	if err != nil {
		return nil, nil, err
	}
	exporter, err = otlploghttp.New(ctx, otlploghttp.WithEndpointURL(o.Endpoint), otlploghttp.WithHeaders(o.Headers),
		otlploghttp.WithTimeout(o.Timeout), otlploghttp.WithHTTPClient(client),
		otlploghttp.WithRetry(otlploghttp.RetryConfig(o.retry())),
		otlploghttp.WithCompression(otlploghttp.Compression(compression)))
	return exporter, l, err
}

func (b *builder) otlpLink(signal string, o OTLP, room int) *link {
	l := b.link(signal, "otlp at "+o.Endpoint, room)
	l.timeout = o.Timeout
	return l
}

// client is a client of the signal's own, so that its connections end with it.
func (b *builder) client(o OTLP) (client *http.Client, compression int, err error) {
	secure, err := o.secure()
	if err != nil {
		return nil, 0, fmt.Errorf("telemetry: otlp: %w", err)
	}
	if o.Compression == CompressionGzip {
		compression = 1 // what all three exporters call it
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true}
	b.closers = append(b.closers, func() error {
		transport.CloseIdleConnections()
		return nil
	})
	return &http.Client{Transport: transport, Timeout: o.Timeout}, compression, nil
}

// dial begins to connect, so that at the end it is known whether anybody is there.
func (b *builder) dial(o OTLP, l *link) (*grpc.ClientConn, error) {
	secure, err := o.secure()
	if err != nil {
		return nil, fmt.Errorf("telemetry: otlp: %w", err)
	}
	transport := insecure.NewCredentials()
	if secure != nil {
		transport = credentials.NewTLS(secure)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if o.Compression == CompressionGzip {
		options = append(options, grpc.WithDefaultCallOptions(grpc.UseCompressor("gzip")))
	}
	u, err := url.Parse(o.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("telemetry: otlp: %w", err)
	}
	conn, err := grpc.NewClient(u.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("telemetry: otlp: %w", err)
	}
	conn.Connect()
	l.unreachable = func() bool { return conn.GetState() == connectivity.TransientFailure }
	b.closers = append(b.closers, conn.Close)
	return conn, nil
}
