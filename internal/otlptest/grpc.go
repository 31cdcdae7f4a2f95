package otlptest

import (
	"context"

	logscollector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metricscollector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracecollector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type traceService struct {
	tracecollector.UnimplementedTraceServiceServer

	receiver *Receiver
}

// Export keeps spans.
func (s traceService) Export(
	ctx context.Context, request *tracecollector.ExportTraceServiceRequest,
) (*tracecollector.ExportTraceServiceResponse, error) {
	err := s.receiver.call(ctx, func(r *Receiver) { r.traces = append(r.traces, request.GetResourceSpans()...) })
	return &tracecollector.ExportTraceServiceResponse{}, err
}

type metricsService struct {
	metricscollector.UnimplementedMetricsServiceServer

	receiver *Receiver
}

// Export keeps metrics.
func (s metricsService) Export(
	ctx context.Context, request *metricscollector.ExportMetricsServiceRequest,
) (*metricscollector.ExportMetricsServiceResponse, error) {
	err := s.receiver.call(ctx, func(r *Receiver) { r.metrics = append(r.metrics, request.GetResourceMetrics()...) })
	return &metricscollector.ExportMetricsServiceResponse{}, err
}

type logsService struct {
	logscollector.UnimplementedLogsServiceServer

	receiver *Receiver
}

// Export keeps records.
func (s logsService) Export(
	ctx context.Context, request *logscollector.ExportLogsServiceRequest,
) (*logscollector.ExportLogsServiceResponse, error) {
	err := s.receiver.call(ctx, func(r *Receiver) { r.logs = append(r.logs, request.GetResourceLogs()...) })
	return &logscollector.ExportLogsServiceResponse{}, err
}

func (r *Receiver) call(ctx context.Context, keep func(*Receiver)) error {
	headers, _ := metadata.FromIncomingContext(ctx)
	if err := r.admit(ctx, lowered(headers)); err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keep(r)
	return nil
}
