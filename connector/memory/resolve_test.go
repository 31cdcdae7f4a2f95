package memory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

func TestTransactionResolvedByIDIsDeliveredAndSettled(t *testing.T) {
	queue := newQueue(4)
	settle(t, queue, capability.Settlement{Action: policy.SettleRequeue, Delay: time.Hour}, fetch(t, queue, 1)...)
	for _, id := range []string{"t2", "t0"} { // t2 waits, t0 is delayed
		tx, err := queue.FetchTransactionByID(t.Context(), id)
		if err != nil || tx.ID() != id {
			t.Fatalf("got %q, %v, want %s", tx.ID(), err, id)
		}
		if _, err := queue.FetchTransactionByID(t.Context(), id); err == nil || errors.Is(err, capability.ErrNotFound) {
			t.Errorf("%s in flight: got %v, want an error other than ErrNotFound", id, err)
		}
		ack(t, queue, tx)
		if _, err := queue.FetchTransactionByID(t.Context(), id); !errors.Is(err, capability.ErrNotFound) {
			t.Errorf("%s after it was acknowledged: got %v, want ErrNotFound", id, err)
		}
	}
	wantFetched(t, queue, "t1", "t3")
}

func TestUnknownIDIsNotFoundAndNeverMadeUp(t *testing.T) {
	tx, err := newQueue(1).FetchTransactionByID(t.Context(), "t1")
	if !errors.Is(err, capability.ErrNotFound) || tx.ID() != "" {
		t.Errorf("got %q, %v, want no transaction and ErrNotFound", tx.ID(), err)
	}
}
