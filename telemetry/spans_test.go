package telemetry_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/ergon-go/ergon/internal/otlptest"
	"github.com/ergon-go/ergon/telemetry"
)

// overBoth runs a test with each protocol.
func overBoth(t *testing.T, test func(t *testing.T, r *otlptest.Receiver, c telemetry.Config)) {
	t.Run("http", func(t *testing.T) {
		r := collector(t)
		test(t, r, everywhere(r.HTTP, telemetry.ProtocolHTTP))
	})
	t.Run("grpc", func(t *testing.T) {
		r := collector(t)
		test(t, r, everywhere(r.GRPC, telemetry.ProtocolGRPC))
	})
}

// plain is the attributes of something as text.
func plain(attrs []*commonpb.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range attrs {
		switch v := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			all[a.GetKey()] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			all[a.GetKey()] = strconv.FormatInt(v.IntValue, 10)
		case *commonpb.AnyValue_BoolValue:
			all[a.GetKey()] = strconv.FormatBool(v.BoolValue)
		default:
			all[a.GetKey()] = fmt.Sprintf("%v", v)
		}
	}
	return all
}

// [O1] What a collector gets of a run: every span has its kind, its parent, its status and the attributes that the
// messaging conventions ask for.
func TestSpansOfARunArriveAtACollector(t *testing.T) {
	overBoth(t, func(t *testing.T, r *otlptest.Receiver, c telemetry.Config) {
		goroutines(t)
		p, _ := setup(t, c, telemetry.Settings{Service: "triage"})
		if err := run(t, p); err != nil {
			t.Fatal(err)
		}
		all := r.Spans()
		names := map[string]string{}
		for _, s := range all {
			names[string(s.GetSpanId())] = s.GetName()
		}
		got := map[string]int{}
		for _, s := range all {
			got[describeSpan(s, names[string(s.GetParentSpanId())])]++
		}
		want := map[string]int{
			"task.start INTERNAL":                                      1,
			"open input INTERNAL below task.start":                     1,
			"task.run INTERNAL":                                        1,
			"process triage CONSUMER":                                  2,
			"process triage CONSUMER BUSINESS":                         1,
			"process attempt 1 INTERNAL below process triage":          1,
			"process attempt 2 INTERNAL below process triage":          1,
			"process attempt 1 INTERNAL below process triage SYSTEM":   1,
			"process attempt 1 INTERNAL below process triage BUSINESS": 1,
		}
		for name := range got { // how many fetches and settlements there are is a matter of time
			if strings.HasPrefix(name, "fetch") || strings.HasPrefix(name, "settle") {
				if !strings.Contains(name, "attempt") && !strings.Contains(name, " CLIENT below task.run") {
					t.Errorf("got %s, want a client's span below task.run", name)
				}
				delete(got, name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		checkMessaging(t, all)
		checkLink(t, all)
	})
}

func describeSpan(s *tracepb.Span, parent string) string {
	text := s.GetName() + " " + strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_")
	if parent != "" {
		text += " below " + parent
	}
	if s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR {
		text += " " + plain(s.GetAttributes())["error.type"]
	}
	return text
}

// checkMessaging checks the attributes that the conventions require of each span of an operation.
func checkMessaging(t *testing.T, all []*tracepb.Span) {
	t.Helper()
	operations := map[string]string{"fetch": "receive", "settle": "settle", "process triage": "process"}
	seen := map[string]bool{}
	for _, s := range all {
		operation, ok := operations[s.GetName()]
		if !ok {
			continue
		}
		seen[operation] = true
		attrs := plain(s.GetAttributes())
		for key, want := range map[string]string{
			string(semconv.MessagingSystemKey): "ergon", string(semconv.MessagingOperationNameKey): operation,
			string(semconv.MessagingDestinationNameKey): "input", "ergon.task": "triage", "ergon.worker": "triage-1",
		} {
			if attrs[key] != want {
				t.Errorf("got %s=%q on %s, want %q", key, attrs[key], s.GetName(), want)
			}
		}
		id, kind := attrs[string(semconv.MessagingMessageIDKey)], attrs[string(semconv.MessagingOperationTypeKey)]
		if operation == "process" && (id == "" || kind != "process") {
			t.Errorf("got %v on a transaction, want its id and the operation's type", attrs)
		}
		for key, value := range attrs {
			if strings.Contains(value, "secret") {
				t.Errorf("got %s=%q on %s, want no payload", key, value, s.GetName())
			}
		}
	}
	if len(seen) != len(operations) {
		t.Errorf("got operations %q, want all of %q", slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Values(operations)))
	}
}

// checkLink checks that the transaction that a producer sent is linked to the producer's span, and to the run.
func checkLink(t *testing.T, all []*tracepb.Span) {
	t.Helper()
	want := strings.Split(producer, "-")
	for _, s := range all {
		if plain(s.GetAttributes())["messaging.message.id"] != "fine" {
			continue
		}
		links := s.GetLinks()
		if len(links) != 2 || hex.EncodeToString(links[0].GetTraceId()) != want[1] || hex.EncodeToString(links[0].GetSpanId()) != want[2] {
			t.Errorf("got links %v, want the first of two to %s", links, producer)
		}
		return
	}
	t.Error("got no span of the transaction that the producer sent")
}

// All signals say what they are from.
func TestResourceNamesServiceTaskExecutionWorkerHostAndProcess(t *testing.T) {
	overBoth(t, func(t *testing.T, r *otlptest.Receiver, c telemetry.Config) {
		c.Resource = map[string]string{"deployment.environment.name": "test"}
		p, _ := setup(t, c, telemetry.Settings{
			Service: "triage-service", Version: "v1.2.3", Tasks: []string{"triage"}, Worker: "triage-3", ExecutionID: "run-7",
		})
		if err := run(t, p); err != nil {
			t.Fatal(err)
		}
		host, _ := os.Hostname()
		want := map[string]string{
			"service.name": "triage-service", "service.version": "v1.2.3", "ergon.task": "triage", "ergon.worker": "triage-3",
			"ergon.execution.id": "run-7", "host.name": host, "process.pid": strconv.Itoa(os.Getpid()),
			"deployment.environment.name": "test",
		}
		for signal, got := range map[string]map[string]string{
			"traces":  plain(r.Traces()[0].GetResource().GetAttributes()),
			"metrics": plain(r.Metrics()[0].GetResource().GetAttributes()),
			"logs":    plain(r.Logs()[0].GetResource().GetAttributes()),
		} {
			for key, value := range want {
				if got[key] != value {
					t.Errorf("got %s=%q of %s, want %q", key, got[key], signal, value)
				}
			}
			if got["service.instance.id"] == "" {
				t.Errorf("got no service.instance.id of %s", signal)
			}
		}
		if r.Traces()[0].GetSchemaUrl() == "" {
			t.Error("got no schema, want that of the detected attributes")
		}
	})
}

func TestHeadersAndCompressionReachTheCollector(t *testing.T) {
	overBoth(t, func(t *testing.T, r *otlptest.Receiver, c telemetry.Config) {
		c.OTLP.Headers = map[string]string{"x-team": "blue"}
		c.OTLP.Compression = telemetry.CompressionGzip
		c.Metrics.Exporters, c.Logs.Exporters = nil, nil
		p, _ := setup(t, c, telemetry.Settings{})
		if err := run(t, p); err != nil {
			t.Fatal(err)
		}
		if got := r.Header("x-team"); got != "blue" || len(r.Spans()) == 0 {
			t.Errorf("got header %q and %d spans, want blue and some", got, len(r.Spans()))
		}
		encoding := r.Header("content-encoding") + r.Header("grpc-encoding") // gRPC keeps its own to itself
		if c.OTLP.Protocol == telemetry.ProtocolHTTP && encoding != "gzip" {
			t.Errorf("got encoding %q, want gzip", encoding)
		}
	})
}
