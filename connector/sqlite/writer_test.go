package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// [B2] Whoever comes while a commit is in progress shares the next.
func TestCallsThatComeTogetherShareACommit(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		queue, other, dead := b.queue(t), b.queue(t, named("other")), b.deadLetters(t)
		release := sqlite.HoldWriter(queue)
		before := sqlite.Commits(queue)
		var calls sync.WaitGroup
		for i := range 20 {
			calls.Go(func() { dispatch(t, queue, transaction(fmt.Sprint("q", i))) })
			calls.Go(func() { dispatch(t, other, transaction(fmt.Sprint("o", i))) })
			calls.Go(func() {
				dispatch(t, dead, ergon.NewTransaction("d", recordOf(transaction(fmt.Sprint("d", i)), "boom")))
			})
		}
		synctest.Wait()
		release()
		calls.Wait()
		if got := sqlite.Commits(queue) - before; got != 1 {
			t.Errorf("got %d commits for 60 calls, want 1", got)
		}
		if a, b, c := len(fetch(t, queue, 100)), len(fetch(t, other, 100)), len(letters(t, dead)); a != 20 || b != 20 || c != 20 {
			t.Errorf("got %d, %d and %d, want 20 of each", a, b, c)
		}
	})
}

// A call that is too much for the disk does not take the others with it.
func TestCallThatFailsFailsAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		queue := b.queue(t)
		if err := sqlite.Exec(queue, "PRAGMA max_page_count = 60"); err != nil {
			t.Fatal(err)
		}
		release := sqlite.HoldWriter(queue)
		var calls sync.WaitGroup
		calls.Go(func() {
			err := queue.DispatchTransactions(t.Context(), []ergon.Transaction{ergon.NewTransaction("large", make([]byte, 1_000_000))})
			wantError(t, err, "the disk is full")
		})
		for i := range 5 {
			calls.Go(func() { dispatch(t, queue, transaction(fmt.Sprint("small", i))) })
		}
		synctest.Wait()
		release()
		calls.Wait()
		if got := len(fetch(t, queue, 100)); got != 5 {
			t.Errorf("got %d, want the 5 small ones", got)
		}
	})
}

// It has no effect, then: nobody else does it either.
func TestCallWhoseContextEndsBeforeItsTurnIsWithdrawn(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		queue := b.queue(t)
		release := sqlite.HoldWriter(queue)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := queue.DispatchTransactions(ctx, transactions("a"))
		took(t, began, time.Second)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want its context's error", err)
		}
		release()
		dispatch(t, queue, transactions("b")...)
		wantFetched(t, queue, "b")
	})
}

func TestCallWithAContextThatHasEndedDoesNothing(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("shutting down")
	cancel(reason)
	err := queue.DispatchTransactions(ctx, transactions("a"))
	if !errors.Is(err, reason) {
		t.Errorf("got %v, want why its context ended", err)
	}
	if _, err := queue.FetchTransactions(ctx, 1); !errors.Is(err, reason) {
		t.Errorf("fetch: got %v, want why its context ended", err)
	}
	wantFetched(t, queue)
}

// While another process writes, a call waits no longer than its context, and those behind it continue.
func TestWaitingForAnotherProcessEndsWithTheContext(t *testing.T) {
	b := newBench(t)
	queue := b.queue(t, func(s *sqlite.QueueSettings) { s.BusyTimeout = time.Minute })
	unlock := lockFile(t, b.path)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	patient := make(chan error)
	go func() { patient <- queue.DispatchTransactions(t.Context(), transactions("patient")) }()
	err := queue.DispatchTransactions(ctx, transactions("hasty"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want its context's error", err)
	}
	unlock()
	if err := <-patient; err != nil {
		t.Errorf("the one who waited: %v", err)
	}
	wantFetched(t, queue, "patient")
}

// lockFile has another connection hold the write lock of a file.
func lockFile(t *testing.T, path string) (unlock func()) {
	t.Helper()
	db, err := database(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), "COMMIT"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestManyLoopsShareAQueueWithoutTakingTheSameTwice(t *testing.T) {
	b := newBench(t)
	queues := []*sqlite.Queue{b.queue(t), b.queue(t), b.queue(t)}
	const n = 600
	var producing, consuming sync.WaitGroup
	for i := range n / 20 {
		producing.Go(func() { dispatch(t, queues[i%3], numberedFrom(20*i, 20)...) })
	}
	var mu sync.Mutex
	seen := map[string]int{}
	for i := range 6 {
		consuming.Go(func() {
			for {
				batch := fetch(t, queues[i%3], 7)
				mu.Lock()
				for _, tx := range batch {
					seen[tx.ID()]++
				}
				done := len(seen) == n
				mu.Unlock()
				ack(t, queues[(i+1)%3], batch...)
				if done {
					return
				}
			}
		})
	}
	producing.Wait()
	consuming.Wait()
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s was delivered %d times", id, times)
		}
	}
}

// Close waits for the calls that are in progress, and those have an end.
func TestCloseWhileOthersCall(t *testing.T) {
	b := newBench(t)
	for range 10 {
		queue := b.queue(t)
		var calls sync.WaitGroup
		for range 4 {
			calls.Go(func() {
				for {
					batch, err := queue.FetchTransactions(t.Context(), 1)
					if err == nil {
						err = queue.SettleTransactions(t.Context(), settlements(requeued, batch...))
					}
					if err == nil {
						err = queue.DispatchTransactions(t.Context(), transactions("a"))
					}
					if err != nil {
						if !errors.Is(err, sqlite.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		if err := queue.Close(t.Context()); err != nil {
			t.Error(err)
		}
		calls.Wait()
	}
}
