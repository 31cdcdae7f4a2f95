package sqlite_test

import (
	"math"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

func keyed(key string, ids ...string) []ergon.Transaction {
	batch := transactions(ids...)
	for i := range batch {
		batch[i] = batch[i].WithOrderingKey(key)
	}
	return batch
}

// [L8]
func TestOneOfAKeyIsOutAtATimeAndInOrder(t *testing.T) {
	b := newBench(t)
	queue, other := b.queue(t), b.queue(t)
	dispatch(t, queue, keyed("k", "k1", "k2", "k3")...)
	dispatch(t, queue, keyed("l", "l1", "l2")...)
	dispatch(t, queue, transactions("free")...)
	first := wantFetched(t, queue, "k1", "l1", "free")
	wantFetched(t, other)
	ack(t, queue, first[0])
	second := wantFetched(t, other, "k2")
	ack(t, other, second...)
	wantFetched(t, queue, "k3")
}

func TestWhateverIsRequeuedHoldsUpItsKey(t *testing.T) {
	for name, how := range map[string]capability.Settlement{"as failed": requeued, "interrupted": interrupted} {
		t.Run(name, func(t *testing.T) {
			queue := newBench(t).queue(t)
			dispatch(t, queue, keyed("k", "k1", "k2")...)
			settle(t, queue, how, fetch(t, queue, 9)...)
			ack(t, queue, wantFetched(t, queue, "k1")...)
			wantFetched(t, queue, "k2")
		})
	}
	t.Run("for a while", func(t *testing.T) {
		b := newBench(t)
		queue := b.queue(t)
		dispatch(t, queue, keyed("k", "k1", "k2")...)
		settle(t, queue, later(time.Second), fetch(t, queue, 9)...)
		wantFetched(t, queue)
		b.advance(time.Second)
		ack(t, queue, wantFetched(t, queue, "k1")...)
		wantFetched(t, queue, "k2")
	})
	t.Run("lost", func(t *testing.T) {
		b := newBench(t)
		queue := b.queue(t)
		dispatch(t, queue, keyed("k", "k1", "k2")...)
		wantFetched(t, queue, "k1")
		b.advance(lease)
		wantFetched(t, queue, "k1")
	})
}

func TestWhatIsDelayedHoldsUpItsKey(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	first := keyed("k", "k1")[0].WithMetadata("deliver_at", b.at.Add(time.Minute).Format(time.RFC3339))
	third := keyed("k", "k3")[0].WithMetadata("deliver_at", b.at.Add(time.Hour).Format(time.RFC3339))
	dispatch(t, queue, first, keyed("k", "k2")[0], third)
	wantFetched(t, queue)
	b.advance(time.Minute)
	ack(t, queue, wantFetched(t, queue, "k1")...)
	ack(t, queue, wantFetched(t, queue, "k2")...)
	wantFetched(t, queue)
	b.advance(time.Hour - time.Minute - time.Microsecond)
	wantFetched(t, queue)
	b.advance(time.Microsecond)
	wantFetched(t, queue, "k3")
}

func TestPriorityDoesNotReorderAKey(t *testing.T) {
	queue := newBench(t).queue(t)
	urgent := keyed("k", "k2")[0].WithMetadata("priority", "9")
	dispatch(t, queue, transactions("free")...)
	dispatch(t, queue, keyed("k", "k1")[0], urgent)
	batch := wantFetched(t, queue, "free", "k1")
	dispatch(t, queue, transactions("free too")...)
	ack(t, queue, batch[1])
	wantFetched(t, queue, "k2", "free too")
}

func TestKeyGoesOnAfterADeadLetter(t *testing.T) {
	queue := newBench(t).queue(t)
	dispatch(t, queue, keyed("k", "k1", "k2")...)
	settle(t, queue, rejected, fetch(t, queue, 1)...)
	wantFetched(t, queue, "k2")
}

// [R1] A delay of any length means what it says, up to the longest there is.
func TestLongestDelayIsNoShortOne(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	dispatch(t, queue, transactions("a")...)
	settle(t, queue, later(math.MaxInt64), fetch(t, queue, 9)...)
	wantFetched(t, queue)
	b.advance(math.MaxInt64 / 2)
	wantFetched(t, queue)
}
