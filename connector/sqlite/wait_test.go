package sqlite_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
)

// waiting opens a queue in virtual time whose fetches wait for ten seconds.
func waiting(t *testing.T, b *bench) *sqlite.Queue {
	t.Helper()
	return b.queue(t, func(s *sqlite.QueueSettings) { s.MaxWait, s.Now = 10*time.Second, nil })
}

func inBubble(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newBench(t)) })
}

// took wants what passes since then to be exactly d.
func took(t *testing.T, since time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(since); got != want {
		t.Fatalf("took %v, want %v", got, want)
	}
}

func TestFetchWaitsForTheFirstTransactionForALittle(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		queue := waiting(t, b)
		for range 2 {
			began := time.Now()
			wantFetched(t, queue)
			took(t, began, 10*time.Second)
		}
	})
}

func TestDispatchWakesAFetchAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		queue, same, other := waiting(t, b), waiting(t, b), b.queue(t, named("other"))
		for range 2 {
			began := time.Now()
			time.AfterFunc(2*time.Second, func() { dispatch(t, other, ergon.NewTransaction("", 1)) })
			time.AfterFunc(3*time.Second+time.Nanosecond, func() { dispatch(t, same, ergon.NewTransaction("", 1)) })
			if got := len(fetch(t, queue, 1)); got != 1 {
				t.Fatalf("got %d", got)
			}
			took(t, began, 3*time.Second+time.Nanosecond)
		}
	})
}

func TestFetchIsWokenByWhatIsGivenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		queue, dead := waiting(t, b), b.deadLetters(t)
		dispatch(t, queue, keyed("k", "k1", "k2")...)
		batch := wantFetched(t, queue, "k1")
		began := time.Now()
		time.AfterFunc(time.Second, func() { settle(t, queue, interrupted, batch...) })
		batch = wantFetched(t, queue, "k1")
		took(t, began, time.Second)
		time.AfterFunc(time.Second, func() { ack(t, queue, batch...) })
		batch = wantFetched(t, queue, "k2")
		took(t, began, 2*time.Second)
		settle(t, queue, rejected, batch...)
		time.AfterFunc(time.Second, func() {
			if _, err := dead.RetryDeadLetters(t.Context(), deadletter.Filter{}); err != nil {
				t.Error(err)
			}
		})
		wantFetched(t, queue, "k2")
		took(t, began, 3*time.Second)
	})
}

func TestFetchReturnsWhenSomethingFallsDue(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		queue := waiting(t, b)
		began := time.Now()
		dispatch(t, queue, transaction("a", "deliver_at="+began.Add(4321*time.Millisecond).Format(time.RFC3339Nano)))
		batch := wantFetched(t, queue, "a")
		took(t, began, 4321*time.Millisecond)
		settle(t, queue, later(1111*time.Millisecond), batch...)
		wantFetched(t, queue, "a")
		took(t, began, 5432*time.Millisecond)
		time.Sleep(lease - 9*time.Second)
		wantFetched(t, queue, "a")
		took(t, began, 5432*time.Millisecond+lease)
	})
}

func TestFetchEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		queue := waiting(t, b)
		ctx, cancel := context.WithTimeout(t.Context(), 1234*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := queue.FetchTransactions(ctx, 1)
		took(t, began, 1234*time.Millisecond)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want its context's error", err)
		}
		wantError(t, err, "sqlite queue jobs: fetch: context deadline exceeded")
	})
}

// Waiting only reads: another process that writes is never held up by those who have nothing to do.
func TestIdleFetchDoesNotWrite(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		queue := waiting(t, b)
		wantFetched(t, queue)
		before := sqlite.Commits(queue)
		for range 5 {
			wantFetched(t, queue)
		}
		if got := sqlite.Commits(queue); got != before {
			t.Errorf("%d commits while nothing happened", got-before)
		}
	})
}

// What is to be delivered last waits for one that is out; that must not have the fetch spin.
func TestFetchWaitsForTheTurnOfALastDelivery(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		queue := b.queue(t, func(s *sqlite.QueueSettings) { s.MaxWait, s.Now, s.MaxDeliveries = 10*time.Second, nil, 2 })
		dispatch(t, queue, transactions("a", "b")...)
		wantFetched(t, queue, "a", "b")
		time.Sleep(lease)
		batch := wantFetched(t, queue, "a")
		began := time.Now()
		time.AfterFunc(time.Second, func() { ack(t, queue, batch...) })
		wantFetched(t, queue, "b")
		took(t, began, time.Second)
	})
}

// A lease that ran out and cannot be requeued, which a trigger sees to here, keeps no fetch from its end: neither one that
// does not wait nor one that does.
func TestFetchEndsWhereWhatIsDueCannotBeClaimed(t *testing.T) {
	for _, most := range []time.Duration{0, 20 * time.Millisecond} {
		b := newBench(t)
		queue := b.queue(t, func(s *sqlite.QueueSettings) { s.MaxWait = most })
		dispatch(t, queue, transactions("a")...)
		wantFetched(t, queue, "a")
		if err := sqlite.Exec(queue, "CREATE TRIGGER stuck BEFORE UPDATE ON items WHEN OLD.state = 'claimed' "+
			"BEGIN SELECT raise(IGNORE); END"); err != nil {
			t.Fatal(err)
		}
		b.advance(lease)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		t.Cleanup(cancel)
		for range 2 { // the second begins with a look and not with a claim
			if batch, err := queue.FetchTransactions(ctx, 1); err != nil || len(batch) > 0 {
				t.Errorf("max_wait %s: got %q, %v, want nothing", most, idsOf(batch), err)
			}
		}
		if err := sqlite.Exec(queue, "DROP TRIGGER stuck"); err != nil {
			t.Fatal(err)
		}
		wantFetched(t, queue, "a")
	}
}
