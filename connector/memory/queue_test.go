package memory_test

import (
	"errors"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
)

func TestFiniteQueueIsExhaustedOnceEverythingIsAcknowledged(t *testing.T) {
	queue := memory.New(memory.Settings{Transactions: transactions(0, 3), Finite: true})
	batch, err := queue.FetchTransactions(t.Context(), 2)
	if err != nil || len(batch) != 2 || batch[0].ID() != "t0" || batch[1].ID() != "t1" {
		t.Fatalf("first fetch: got %v, %v, want t0 and t1", batch, err)
	}
	rest, err := queue.FetchTransactions(t.Context(), 2)
	if err != nil || len(rest) != 1 || rest[0].ID() != "t2" {
		t.Fatalf("second fetch: got %v, %v, want t2", rest, err)
	}
	if none, err := queue.FetchTransactions(t.Context(), 2); err != nil || len(none) != 0 {
		t.Fatalf("fetch while all are in flight: got %v, %v, want none and no error", none, err)
	}
	for _, tx := range append(batch, rest...) {
		if err := queue.SettleTransactions(t.Context(), []ergon.Settlement{{Transaction: tx}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := queue.FetchTransactions(t.Context(), 2); !errors.Is(err, ergon.ErrExhausted) {
		t.Fatalf("fetch after all were acknowledged: got %v, want ErrExhausted", err)
	}
}
