package pipeline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
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
		if len(prepared) != 1 || len(processed) != 1 || len(processed[0].Links) != 1 {
			t.Fatalf("got %d prepare and %d process spans, want one of each, linked", len(prepared), len(processed))
		}
		if got, want := processed[0].Links[0].SpanContext.SpanID(), prepared[0].SpanContext.SpanID(); got != want {
			t.Errorf("the process span links to %s, want the prepare span %s", got, want)
		}
	})
}
