package telemetry_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon/internal/otlptest"
	"github.com/ergon-go/ergon/telemetry"
)

// A collector that refuses everything does not fail a run. It is reported once for each signal, not for each batch, and
// at the end with what was lost.
func TestCollectorThatRefusesIsReportedOnceAndFailsNoRun(t *testing.T) {
	overBoth(t, func(t *testing.T, r *otlptest.Receiver, c telemetry.Config) {
		goroutines(t)
		r.Gate(func(context.Context) error { return errors.New("the house is full") })
		c.Metrics.Exporters, c.Logs.Exporters = nil, nil
		c.Traces.Batch.Size, c.OTLP.Timeout = 6, 500*time.Millisecond
		p, console := setup(t, c, telemetry.Settings{})
		if err := run(t, p); err != nil {
			t.Fatal(err)
		}
		console.want(t, 1, "level=WARN", "telemetry is not delivered", "signal=traces", "otlp at "+c.OTLP.Endpoint)
		console.want(t, 1, "level=ERROR", "telemetry could not be flushed", "were lost", "the house is full")
		if n := r.Requests(); n < 2 {
			t.Errorf("got %d requests, want several batches", n)
		}
	})
}

// unreachable is an address that nobody listens on.
func unreachable(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it listens at once
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// What is not there is not waited for, neither while the task runs nor at its end.
func TestCollectorThatIsNotThereDoesNotHoldUpTheEnd(t *testing.T) {
	for _, protocol := range []telemetry.Protocol{telemetry.ProtocolHTTP, telemetry.ProtocolGRPC} {
		t.Run(string(protocol), func(t *testing.T) {
			goroutines(t)
			p, console := setup(t, everywhere(unreachable(t), protocol), telemetry.Settings{})
			began := time.Now()
			if err := run(t, p); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > telemetry.FlushTimeout-time.Second {
				t.Errorf("the run took %s, want no more than a second for what nobody answers", took)
			}
			console.want(t, 1, "level=ERROR", "telemetry could not be flushed")
			reason := map[telemetry.Protocol]string{
				telemetry.ProtocolHTTP: "connection refused", telemetry.ProtocolGRPC: "nobody answers there",
			}[protocol]
			console.want(t, 1, "level=ERROR", "telemetry could not be flushed", reason)
		})
	}
}

// A receiver that takes a request and never answers costs its deadline and no more.
func TestCollectorThatHangsIsGivenUpAtTheDeadline(t *testing.T) {
	const deadline = 300 * time.Millisecond
	overBoth(t, func(t *testing.T, r *otlptest.Receiver, c telemetry.Config) {
		goroutines(t)
		r.Gate(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		p, _ := setup(t, c, telemetry.Settings{})
		if err := runWithoutFlush(t, p); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		began := time.Now()
		err := p.Shutdown(ctx)
		if took := time.Since(began); took < deadline || took > deadline+2*time.Second {
			t.Errorf("the end took %s, want %s", took, deadline)
		}
		for _, want := range []string{"traces to otlp at ", "metrics to otlp at ", "logs to otlp at ", "were lost"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q in it", err, want)
			}
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Errorf("got %v the second time, want nothing", err)
		}
	})
}

// What works again is reported as well, with what was lost meanwhile.
func TestCollectorThatComesBackIsReported(t *testing.T) {
	r := collector(t)
	c := everywhere(r.HTTP, telemetry.ProtocolHTTP)
	c.Metrics.Exporters, c.Logs.Exporters = nil, nil
	c.Traces.Processor = telemetry.ProcessorSimple
	c.OTLP.Timeout = 500 * time.Millisecond // no time to try again often
	p, console := setup(t, c, telemetry.Settings{})
	r.Gate(func(context.Context) error { return errors.New("the house is full") })
	tracer := p.TracerProvider.Tracer("test")
	for i := range 4 {
		if i == 2 {
			r.Gate(nil)
		}
		_, span := tracer.Start(t.Context(), "work")
		span.End()
	}
	console.want(t, 1, "level=WARN", "telemetry is not delivered")
	console.want(t, 1, "level=INFO", "telemetry is delivered again", "lost=2")
	if err := p.Shutdown(t.Context()); err == nil || !strings.Contains(err.Error(), "2 of 4 were lost") {
		t.Errorf("got %v, want the 2 that were lost", err)
	}
}

// A queue that is full drops, and says so once.
func TestFullQueueDropsAndIsReported(t *testing.T) {
	r := collector(t)
	c := everywhere(r.HTTP, telemetry.ProtocolHTTP)
	c.Metrics.Exporters, c.Logs.Exporters = nil, nil
	c.Traces.Batch.Queue, c.Traces.Batch.Size = 2, 1
	p, console := setup(t, c, telemetry.Settings{})
	open := make(chan struct{})
	r.Gate(func(context.Context) error {
		<-open
		return nil
	})
	tracer := p.TracerProvider.Tracer("test")
	const all = 100
	for range all {
		_, span := tracer.Start(t.Context(), "work")
		span.End()
	}
	close(open)
	err := p.Shutdown(t.Context())
	if err == nil || !strings.Contains(err.Error(), "of 100 were lost") {
		t.Errorf("got %v, want what was dropped", err)
	}
	if n := len(r.Spans()); n == 0 || n > 4 {
		t.Errorf("got %d spans, want those that the queue had room for", n)
	}
	console.want(t, 1, "level=WARN", "made faster than it is delivered")
}
