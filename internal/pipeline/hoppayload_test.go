package pipeline_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// encodingStore encodes what hops.
type encodingStore struct{ *store }

func (s encodingStore) HopTransactions(ctx context.Context, batch []capability.Hop) error {
	for _, hop := range batch {
		for _, output := range hop.Outputs {
			_, _ = json.Marshal(output.Transactions[0].Payload()) //nolint:errchkjson // it may not return
		}
	}
	return s.store.HopTransactions(ctx, batch)
}

// [F1] [B3] So it is with what hops, and is encoded together with what others made.
func TestPayloadThatHopsHoldsUpNobodysSettlement(t *testing.T) {
	for _, method := range []string{"Clone", "MarshalJSON"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				release := make(chan struct{})
				r, s, claims := newHopRig(j, 1, "bad", "good")
				r.Policy.Loop.Concurrency.Value = 2
				r.Producer.Prepare = once(5 * time.Second)
				prepare := r.Handlers.Prepare
				r.Handlers.Prepare = func(ctx context.Context, tx ergon.Transaction) error {
					if tx.ID() == "bad/0" {
						tx = tx.WithPayload(&foreignPayload{&foreign{method, hanging, release}, "a"})
					}
					return prepare(ctx, tx)
				}
				r.Source = encodingStore{s}
				r.run(t)
				j.want(t, "5ms hop good ack to claims: good/0", "5s settle bad reject")
				if got := claims.ids(); got != "good/0" {
					t.Errorf("got %s, want good/0", got)
				}
				close(release)
				sleep(time.Minute)
			})
		})
	}
}
