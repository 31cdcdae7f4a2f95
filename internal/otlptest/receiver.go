// Package otlptest has a receiver of OTLP for tests: a collector on a loopback address that keeps what it gets, and that
// can refuse it or hang. It speaks OTLP in HTTP requests, protobuf, compressed or not, and by gRPC.
package otlptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	logscollector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metricscollector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracecollector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// Receiver is a running receiver. It is safe for concurrent use.
type Receiver struct {
	// HTTP and GRPC are the URLs of its two servers.
	HTTP, GRPC string

	web     *http.Server
	rpc     *grpc.Server
	serving sync.WaitGroup

	mu       sync.Mutex
	gate     func(context.Context) error
	requests int
	headers  map[string]string
	traces   []*tracepb.ResourceSpans
	metrics  []*metricspb.ResourceMetrics
	logs     []*logspb.ResourceLogs
}

// Start starts one. The caller closes it.
func Start() (*Receiver, error) {
	web, err := listen()
	if err != nil {
		return nil, err
	}
	rpc, err := listen()
	if err != nil {
		return nil, errors.Join(err, web.Close())
	}
	r := &Receiver{HTTP: "http://" + web.Addr().String(), GRPC: "http://" + rpc.Addr().String(), rpc: grpc.NewServer()}
	r.web = &http.Server{Handler: r.handler(), ReadHeaderTimeout: time.Minute}
	tracecollector.RegisterTraceServiceServer(r.rpc, traceService{receiver: r})
	metricscollector.RegisterMetricsServiceServer(r.rpc, metricsService{receiver: r})
	logscollector.RegisterLogsServiceServer(r.rpc, logsService{receiver: r})
	r.serving.Go(func() { _ = r.web.Serve(web) }) // it ends with Close
	r.serving.Go(func() { _ = r.rpc.Serve(rpc) }) // likewise
	return r, nil
}

func listen() (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start an OTLP receiver: %w", err)
	}
	return l, nil
}

// Close ends it, and requests that hang.
func (r *Receiver) Close() {
	_ = r.web.Close() // what its connections end with is of no interest
	r.rpc.Stop()
	r.serving.Wait()
}

// Gate has gate called before each request is accepted; an error refuses it as a server does that is overloaded. It may
// block until its context ends, which is when the client gives up. Nil accepts all.
func (r *Receiver) Gate(gate func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = gate
}

// admit counts a request and asks the gate.
func (r *Receiver) admit(ctx context.Context, headers map[string]string) error {
	r.mu.Lock()
	r.requests++
	r.headers = headers
	gate := r.gate
	r.mu.Unlock()
	if gate == nil {
		return nil
	}
	return gate(ctx)
}

// Requests is how many there were, with those that were refused.
func (r *Receiver) Requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// Header is the value of a header, or of a key of gRPC's metadata, in the last request; "" for none.
func (r *Receiver) Header(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.headers[strings.ToLower(name)]
}

// Traces returns what was accepted so far, request by request.
func (r *Receiver) Traces() []*tracepb.ResourceSpans {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.traces)
}

// Spans returns the spans of Traces.
func (r *Receiver) Spans() []*tracepb.Span {
	var spans []*tracepb.Span
	for _, resource := range r.Traces() {
		for _, scope := range resource.GetScopeSpans() {
			spans = append(spans, scope.GetSpans()...)
		}
	}
	return spans
}

// Metrics returns what was accepted so far, export by export.
func (r *Receiver) Metrics() []*metricspb.ResourceMetrics {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.metrics)
}

// Logs returns what was accepted so far, request by request.
func (r *Receiver) Logs() []*logspb.ResourceLogs {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.logs)
}

// Records returns the records of Logs.
func (r *Receiver) Records() []*logspb.LogRecord {
	var records []*logspb.LogRecord
	for _, resource := range r.Logs() {
		for _, scope := range resource.GetScopeLogs() {
			records = append(records, scope.GetLogRecords()...)
		}
	}
	return records
}

func lowered(headers map[string][]string) map[string]string {
	all := map[string]string{}
	for name, values := range headers {
		all[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return all
}
