package ergon_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/ergon-go/ergon"
)

// described is everything that can be read from a transaction.
func described(tx ergon.Transaction) string {
	return fmt.Sprintf("%s %v %v %q %+v", tx.ID(), tx.Payload(), maps.Collect(tx.AllMetadata()), tx.OrderingKey(), tx.Delivery())
}

func TestTransactionIsNotChangedByMakingOthersFromIt(t *testing.T) {
	enqueued := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	original := ergon.NewTransaction("t-1", "payload").WithMetadata("a", "1").WithOrderingKey("k").
		WithDelivery(ergon.Delivery{Receipt: 7, Count: 2, EnqueuedAt: enqueued})
	want := described(original)
	for name, changed := range map[string]ergon.Transaction{
		"payload":      original.WithPayload("another"),
		"metadata":     original.WithMetadata("a", "2"),
		"new metadata": original.WithMetadata("b", "2"),
		"all metadata": original.WithAllMetadata(map[string]string{"a": "2", "c": "3"}),
		"ordering key": original.WithOrderingKey("l"),
		"delivery":     original.WithDelivery(ergon.Delivery{Receipt: 8}),
	} {
		if got := described(original); got != want {
			t.Errorf("after another %s the original is\n%s\nwant\n%s", name, got, want)
		}
		if got := described(changed); got == want {
			t.Errorf("the copy with another %s is the same: %s", name, got)
		}
		if changed.ID() != "t-1" {
			t.Errorf("the copy with another %s has id %q", name, changed.ID())
		}
	}
}

func TestCopiesOfATransactionDoNotShareMetadata(t *testing.T) {
	original := ergon.NewTransaction("t-1", nil).WithMetadata("a", "1")
	left, right := original.WithMetadata("b", "left"), original.WithMetadata("b", "right")
	if got, _ := left.Metadata("b"); got != "left" {
		t.Errorf("left has %q", got)
	}
	if got, _ := right.Metadata("b"); got != "right" {
		t.Errorf("right has %q", got)
	}
}

func TestAllMetadataIsAddedAndCopied(t *testing.T) {
	own := ergon.NewTransaction("t-1", nil).WithMetadata("a", "1").WithMetadata("b", "1")
	added := map[string]string{"b": "2", "c": "3"}
	got := own.WithAllMetadata(added)
	added["c"] = "another"
	if want := map[string]string{"a": "1", "b": "2", "c": "3"}; !maps.Equal(maps.Collect(got.AllMetadata()), want) {
		t.Errorf("got %v, want %v", maps.Collect(got.AllMetadata()), want)
	}
	if got := own.WithAllMetadata(nil); described(got) != described(own) {
		t.Errorf("without any it is %s, want %s", described(got), described(own))
	}
}

func TestDeliveryIsCopiedIntoTheTransaction(t *testing.T) {
	delivery := ergon.Delivery{Count: 1}
	tx := ergon.NewTransaction("t-1", nil).WithDelivery(delivery)
	delivery.Count = 2
	if got := tx.Delivery().Count; got != 1 {
		t.Errorf("count is %d, want 1", got)
	}
}

func TestMetadataIsFoundAndInOrder(t *testing.T) {
	tx := ergon.NewTransaction("t-1", nil).WithMetadata("c", "3").WithMetadata("a", "").WithMetadata("b", "2")
	if got, ok := tx.Metadata("a"); got != "" || !ok {
		t.Errorf("a is %q, %v, want empty and there", got, ok)
	}
	if got, ok := tx.Metadata("d"); got != "" || ok {
		t.Errorf("d is %q, %v, want none", got, ok)
	}
	var keys []string
	for k := range tx.AllMetadata() {
		keys = append(keys, k)
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(keys, want) {
		t.Errorf("keys are %q, want %q", keys, want)
	}
	for k := range tx.AllMetadata() {
		if k != "a" {
			t.Errorf("got %q after breaking out", k)
		}
		break
	}
}

func TestOrderingKeyTravelsInTheMetadata(t *testing.T) {
	tx := ergon.NewTransaction("t-1", nil).WithOrderingKey("account-7")
	if got, _ := tx.Metadata("ordering_key"); got != "account-7" || tx.OrderingKey() != "account-7" {
		t.Errorf("metadata has %q, OrderingKey is %q", got, tx.OrderingKey())
	}
	if got := ergon.NewTransaction("t-1", nil).OrderingKey(); got != "" {
		t.Errorf("ordering key of a plain transaction is %q", got)
	}
}

func TestTransactionWithoutAnIDGetsAUUIDv7(t *testing.T) {
	first, second := ergon.NewTransaction("", nil).ID(), ergon.NewTransaction("", nil).ID()
	if id, err := uuid.Parse(first); err != nil || id.Version() != 7 {
		t.Errorf("id %q: %v, version %d, want 7", first, err, id.Version())
	}
	if first == second {
		t.Errorf("two transactions have the id %q", first)
	}
}

func TestZeroTransactionCanBeRead(t *testing.T) {
	var tx ergon.Transaction
	const want = ` <nil> map[] "" {Receipt:<nil> Count:0 Partition: Position:0 ExpiresAt:0001-01-01 00:00:00 +0000 UTC ` +
		`EnqueuedAt:0001-01-01 00:00:00 +0000 UTC}`
	if diff := cmp.Diff(want, described(tx)); diff != "" {
		t.Errorf("zero transaction (-want +got):\n%s", diff)
	}
	if got, _ := tx.WithMetadata("a", "1").Metadata("a"); got != "1" {
		t.Errorf("metadata added to it is %q", got)
	}
}
