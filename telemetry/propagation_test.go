package telemetry_test

import (
	"context"
	"iter"
	"testing"

	"go.opentelemetry.io/otel/semconv/v1.37.0/messagingconv"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

// relay is two tasks: one sends transactions into a queue, the other takes them out of it.
func relay(t *testing.T, p *telemetry.Providers, n int) {
	t.Helper()
	queue := memory.New(memory.Settings{Finite: true})
	connected := ergon.Component{Type: "memory", New: func() (any, error) { return queue, nil }}
	send := ergon.NewTaskConfig("send", func(d *ergon.Dependencies) ergon.Task {
		to := ergon.UseConnector[ergon.Dispatcher](d, "queue")
		return ergon.Task{
			Transactions: func(context.Context) iter.Seq2[ergon.Transaction, error] {
				return func(yield func(ergon.Transaction, error) bool) {
					for i := 0; i < n && yield(ergon.NewTransaction("", i), nil); i++ {
					}
				}
			},
			Prepare: func(ctx context.Context, tx ergon.Transaction) error {
				return to.DispatchTransactions(ctx, []ergon.Transaction{tx})
			},
		}
	})
	send.Connectors["queue"] = connected
	take := ergon.NewTaskConfig("take", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }}
	})
	take.Connectors["input"] = connected
	take.Consumer.Loop.OnException = policy.OnExceptionDiscard
	m := runner.NewManager(runner.Settings{
		TracerProvider: p.TracerProvider, MeterProvider: p.MeterProvider, Logger: p.Logger, Flush: p.Shutdown,
	})
	for _, cfg := range []ergon.TaskConfig{send, take} {
		if err := m.Register(cfg); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.RunInOrder(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// [O1] What a producer sends is linked to the span that sent it, over whatever connector is in between, and sending has
// the kind and the metrics that the conventions have for it.
func TestTraceContextTravelsWithATransaction(t *testing.T) {
	const n = 3
	r := collector(t)
	p, _ := setup(t, everywhere(r.HTTP, telemetry.ProtocolHTTP), telemetry.Settings{})
	relay(t, p, n)
	sent := map[string]bool{}
	for _, s := range r.Spans() {
		if s.GetName() == "prepare send" && s.GetKind() == tracepb.Span_SPAN_KIND_PRODUCER {
			sent[string(s.GetTraceId())+string(s.GetSpanId())] = true
		}
	}
	taken := 0
	for _, s := range r.Spans() {
		if s.GetName() != "process take" {
			continue
		}
		taken++
		if links := s.GetLinks(); len(links) != 2 || !sent[string(links[0].GetTraceId())+string(links[0].GetSpanId())] {
			t.Errorf("got links %v, want the first of two to the span that sent it: the other is to the run", links)
		}
	}
	if len(sent) != n || taken != n {
		t.Errorf("got %d spans that sent and %d that took, want %d of each", len(sent), taken, n)
	}
	var messages messagingconv.ClientSentMessages
	for _, m := range r.Metrics()[0].GetScopeMetrics()[0].GetMetrics() {
		if m.GetName() == messages.Name() && m.GetUnit() == messages.Unit() && m.GetSum().GetDataPoints()[0].GetAsInt() == n {
			return
		}
	}
	t.Errorf("got no %s of %d", messages.Name(), n)
}

// A produced transaction is sampled like one that is processed.
func TestProducedTransactionsAreSampledOneByOne(t *testing.T) {
	for ratio, want := range map[float64]int{0: 0, 1: 3} {
		r := collector(t)
		c := everywhere(r.HTTP, telemetry.ProtocolHTTP)
		c.Traces.Sampler, c.Traces.Ratio = telemetry.SamplerTransactions, ratio
		p, _ := setup(t, c, telemetry.Settings{})
		relay(t, p, 3)
		got := 0
		for _, s := range r.Spans() {
			if s.GetName() == "prepare send" {
				got++
			}
		}
		if got != want {
			t.Errorf("ratio %v: got %d spans, want %d", ratio, got, want)
		}
	}
}
