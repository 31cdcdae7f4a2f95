package otlptest

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"

	logscollector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metricscollector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracecollector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// maxBody bounds a request: far above what an exporter sends at once.
const maxBody = 64 << 20

func (r *Receiver) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, request *http.Request) {
		var body tracecollector.ExportTraceServiceRequest
		r.serve(w, request, &body, func() { r.traces = append(r.traces, body.GetResourceSpans()...) })
	})
	mux.HandleFunc("POST /v1/metrics", func(w http.ResponseWriter, request *http.Request) {
		var body metricscollector.ExportMetricsServiceRequest
		r.serve(w, request, &body, func() { r.metrics = append(r.metrics, body.GetResourceMetrics()...) })
	})
	mux.HandleFunc("POST /v1/logs", func(w http.ResponseWriter, request *http.Request) {
		var body logscollector.ExportLogsServiceRequest
		r.serve(w, request, &body, func() { r.logs = append(r.logs, body.GetResourceLogs()...) })
	})
	return mux
}

// serve decodes a request and keeps it. Answers have no body: that is an empty message.
func (r *Receiver) serve(w http.ResponseWriter, request *http.Request, body proto.Message, keep func()) {
	err := decode(request, body) // before the gate: a server sees that a client has gone only once the body is read
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := r.admit(request.Context(), lowered(request.Header)); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keep()
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func decode(request *http.Request, body proto.Message) error {
	if kind := request.Header.Get("Content-Type"); kind != "application/x-protobuf" {
		return errors.New("the content is " + kind + ", must be application/x-protobuf")
	}
	var from io.Reader = request.Body
	if request.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(from)
		if err != nil {
			return err
		}
		from = unpacked
	}
	data, err := io.ReadAll(io.LimitReader(from, maxBody))
	if err != nil {
		return err
	}
	return proto.Unmarshal(data, body)
}
