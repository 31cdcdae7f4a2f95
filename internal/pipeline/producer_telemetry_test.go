package pipeline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
)

// instrumented has the production report to instruments of its own.
func (p *production) instrumented() *instruments {
	r := &rig{}
	i := r.instrument()
	p.TracerProvider, p.MeterProvider = r.TracerProvider, r.MeterProvider
	return i
}

// [O1, B1] A transaction that is produced has a span of producer kind, and neither fetches nor settlements are said to happen.
func TestTelemetryOfProducingIsAsWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := newTally()
		p := newProduction(func(_ context.Context, tx ergon.Transaction) error {
			time.Sleep(100 * time.Millisecond)
			switch {
			case tx.ID() == "heals" && calls.add("heals") == 1:
				return errScripted
			case tx.ID() == "refused":
				return ergon.Business(errScripted)
			}
			return nil
		})
		p.Handlers.PrepareSuccess = func(context.Context, ergon.Transaction) error {
			time.Sleep(10 * time.Millisecond)
			return nil
		}
		p.Handlers.PrepareException = func(context.Context, ergon.Transaction, *ergon.TransactionError) error {
			time.Sleep(10 * time.Millisecond)
			return nil
		}
		i := p.instrumented()
		txs := transactionsOf("succeeds", "heals", "refused")
		txs[2] = txs[2].WithMetadata("traceparent", producer)
		if err := p.run(t, of(txs...)); err == nil {
			t.Error("a refused transaction is no error")
		}
		got := recorded{instruments: i}
		wantGolden(t, "producing_spans", got.renderSpans())
		wantGolden(t, "producing_metrics", renderMetrics(t, i.collect(t)))
	})
}

// [O1] Whoever consumes what was produced links to the span of its making.
func TestWhatIsProducedCarriesTheSpanOfItsMaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := memory.New(memory.Settings{Finite: true})
		p := newProduction(func(ctx context.Context, tx ergon.Transaction) error {
			return queue.DispatchTransactions(ctx, []ergon.Transaction{tx})
		})
		i := p.instrumented()
		if err := p.run(t, of(transactionsOf("a")...)); err != nil {
			t.Fatal(err)
		}
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
		r.Source, r.TracerProvider = queue, i.traces
		r.run(t)
		prepared, processed := i.named("prepare task"), i.named("process task")
		if len(prepared) != 1 || len(processed) != 1 || len(processed[0].Links) != 2 { // the other one is to the loop
			t.Fatalf("got %d prepare and %d process spans, want one of each, linked", len(prepared), len(processed))
		}
		if got, want := processed[0].Links[0].SpanContext.SpanID(), prepared[0].SpanContext.SpanID(); got != want {
			t.Errorf("the process span links to %s, want the prepare span %s", got, want)
		}
	})
}

// [O1, B3] What comes out of a transaction has a span of producer kind below it, and attempts below that.
func TestTelemetryOfAHybridIsAsWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := newTally()
		r := newHybridRig(1, func(ctx context.Context, tx ergon.Transaction) error {
			time.Sleep(100 * time.Millisecond)
			switch {
			case tx.ID() == "heals/0" && calls.add("heals") == 1:
				return errScripted
			case tx.ID() == "refused/0":
				return ergon.Business(errScripted)
			}
			for _, result := range []capability.DispatchResult{capability.Duplicate, capability.Conflict, capability.Diverged} {
				capability.ReportDispatch(ctx, tx, result)
			}
			return nil
		}, "heals", "refused")
		r.Handlers.PrepareSuccess = func(context.Context, ergon.Transaction) error {
			time.Sleep(10 * time.Millisecond)
			return nil
		}
		r.Policy.Settle.Size, r.Policy.Loop.Limit = 1, 2
		r.Source = memory.WithFaults(r.Queue,
			memory.Stall(memory.OnFetch, 20*time.Millisecond).Always(), memory.Stall(memory.OnSettle, 5*time.Millisecond).Always())
		i := r.instrument()
		r.run(t)
		wantGolden(t, "hybrid_spans", i.renderSpans())
		wantGolden(t, "hybrid_metrics", renderMetrics(t, i.collect(t)))
	})
}

// [O1, B3] What was made of the inbound transaction does not pass for what its maker made.
func TestOutboundCarriesItsOwnSpanAndNotTheInboundOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := ""
		r := newHybridRig(1, func(_ context.Context, tx ergon.Transaction) error {
			got, _ = tx.Metadata("traceparent")
			return nil
		})
		r.Source = memory.New(memory.Settings{
			Transactions: []ergon.Transaction{ergon.NewTransaction("a", nil).WithMetadata("traceparent", producer)}, Finite: true,
		})
		r.Handlers.Process = func(_ context.Context, tx ergon.Transaction) (any, error) {
			return []ergon.Transaction{tx.WithPayload("made of it")}, nil
		}
		i := r.instrument()
		r.run(t)
		span := i.named("prepare task")[0].SpanContext
		if want := "00-" + span.TraceID().String() + "-" + span.SpanID().String() + "-01"; got != want {
			t.Errorf("it carries %s, want its own span %s", got, want)
		}
	})
}

// [O2] With nobody watching a transaction is not touched.
func TestNothingIsAddedToWhatIsProducedWithoutTracing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHybridRig(1, func(_ context.Context, tx ergon.Transaction) error {
			for key := range tx.AllMetadata() {
				t.Errorf("it carries %s", key)
			}
			return nil
		}, "a")
		r.run(t)
	})
}
