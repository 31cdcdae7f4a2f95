package file_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/policy"
)

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}

func ids(batch []ergon.Transaction) string {
	names := make([]string, len(batch))
	for i, tx := range batch {
		names[i] = strings.TrimPrefix(short(tx.ID()), "x.jsonl:")
	}
	return strings.Join(names, " ")
}

func TestFetchReturnsAtMostTheLimitInTheOrderOfTheFile(t *testing.T) {
	source := open(t, sourceOf(t, "x.jsonl", numbers(5)))
	for _, want := range []string{"1 2", "3 4", "5"} {
		if got := ids(fetch(t, source, 2)); got != want {
			t.Errorf("fetched %s, want %s", got, want)
		}
	}
	_, err := source.FetchTransactions(t.Context(), 0)
	wantError(t, err, "want at least 1")
}

func TestSourceIsExhaustedOnlyWhenEverythingIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := open(t, sourceOf(t, "x.jsonl", numbers(2)))
		batch := fetch(t, source, 10)
		start := time.Now()
		if got := fetch(t, source, 10); len(got) != 0 || time.Since(start) != time.Second {
			t.Errorf("with two in flight, a fetch returned %s after %s, want nothing after max_wait", ids(got), time.Since(start))
		}
		ack(t, source, batch[0])
		if got := fetch(t, source, 10); len(got) != 0 {
			t.Errorf("with one in flight, a fetch returned %s", ids(got))
		}
		start = time.Now()
		go func() {
			time.Sleep(300 * time.Millisecond)
			ack(t, source, batch[1])
		}()
		if got, err := source.FetchTransactions(t.Context(), 10); len(got) > 0 || !errors.Is(err, ergon.ErrExhausted) {
			t.Errorf("with nothing in flight, a fetch returned %s, %v", ids(got), err)
		}
		if got := time.Since(start); got != 300*time.Millisecond {
			t.Errorf("the end was told %s after it came, want at once", got-300*time.Millisecond)
		}
	})
}

func TestRequeuedRecordIsDeliveredAgainWhenItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := open(t, sourceOf(t, "x.jsonl", numbers(3)))
		batch := fetch(t, source, 2)
		settle(t, source, capability.Settlement{Action: policy.SettleRequeue, Delay: 700 * time.Millisecond}, batch[0])
		settle(t, source, capability.Settlement{Action: policy.SettleRequeue}, batch[1])
		if got := fetch(t, source, 10); ids(got) != "2 3" || got[0].Delivery().Count != 2 {
			t.Fatalf("fetched %s, the first for the %d. time, want 2 3, the first again", ids(got), got[0].Delivery().Count)
		} else {
			ack(t, source, got...)
		}
		start := time.Now()
		got := fetch(t, source, 10)
		if ids(got) != "1" || time.Since(start) != 700*time.Millisecond {
			t.Fatalf("fetched %q after %s, want 1 after its delay", ids(got), time.Since(start))
		}
		if show(got[0].Payload()) != "1" || got[0].Delivery().Count != 2 {
			t.Errorf("delivered again with payload %s for the %d. time", show(got[0].Payload()), got[0].Delivery().Count)
		}
		settle(t, source, capability.Settlement{Action: policy.SettleRequeue, Interrupted: true}, got...)
		if got = fetch(t, source, 10); got[0].Delivery().Count != 2 {
			t.Errorf("an interrupted delivery was counted: %d", got[0].Delivery().Count)
		}
		settle(t, source, capability.Settlement{Action: policy.SettleRequeue, Delay: 1500 * time.Millisecond}, got...)
		if got = fetch(t, source, 10); len(got) > 0 {
			t.Errorf("fetched %s within max_wait, before it is due", ids(got))
		}
		ack(t, source, fetch(t, source, 10)...)
		if _, err := source.FetchTransactions(t.Context(), 1); !errors.Is(err, ergon.ErrExhausted) {
			t.Errorf("in the end: %v", err)
		}
	})
}

func TestDeliveryThatWasSettledIsStale(t *testing.T) {
	source := open(t, sourceOf(t, "x.jsonl", numbers(4)))
	other := open(t, sourceOf(t, "x.jsonl", numbers(1)))
	batch := fetch(t, source, 4)
	ack(t, source, batch[1], batch[2])
	settle(t, source, capability.Settlement{Action: policy.SettleRequeue}, batch[0])
	again := fetch(t, source, 1)
	err := source.SettleTransactions(t.Context(), []capability.Settlement{
		{Transaction: batch[0]},
		{Transaction: again[0]},
		{Transaction: batch[1]},
		{Transaction: batch[2], Action: policy.SettleRequeue},
		{Transaction: batch[3], Action: policy.SettleReject},
		{Transaction: fetch(t, other, 1)[0]},
		{Transaction: ergon.NewTransaction("x.jsonl:4", nil)},
	})
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok {
		t.Fatalf("got %v, want a BatchError", err)
	}
	stale := capability.ErrStaleDelivery
	for i, want := range []error{stale, nil, stale, stale, errors.ErrUnsupported} {
		if got := failed.Failures[i]; !errors.Is(got, want) {
			t.Errorf("item %d: %v, want %v", i, got, want)
		}
	}
	for _, i := range []int{5, 6} {
		wantError(t, failed.Failures[i], "was not delivered by this source")
	}
	ack(t, source, batch[3])
	if _, err := source.FetchTransactions(t.Context(), 1); !errors.Is(err, ergon.ErrExhausted) {
		t.Errorf("in the end: %v", err)
	}
}

func TestFetchWaitsWhereTheWindowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := open(t, sourceOf(t, "x.jsonl", numbers(9), func(s *file.SourceSettings) { s.Window = 3 }))
		batch := fetch(t, source, 9)
		if ids(batch) != "1 2 3" {
			t.Fatalf("fetched %s, want what the window has room for", ids(batch))
		}
		ack(t, source, batch[1:]...)
		if got := fetch(t, source, 9); len(got) > 0 {
			t.Fatalf("fetched %s beyond the window", ids(got))
		}
		ack(t, source, batch[0])
		if got := fetch(t, source, 9); ids(got) != "4 5 6" {
			t.Fatalf("fetched %s, want the next three", ids(got))
		}
	})
}

func TestRequeuedRecordsAreBoundedInMemory(t *testing.T) {
	const records, size = 80, 1 << 20
	synctest.Test(t, func(t *testing.T) {
		source := open(t, sourceOf(t, "x.csv", "a\n"+strings.Repeat(strings.Repeat("x", size)+"\n", records)))
		held := 0
		for batch := fetch(t, source, 1); len(batch) > 0; batch = fetch(t, source, 1) {
			held++
			settle(t, source, capability.Settlement{Action: policy.SettleRequeue, Delay: time.Hour}, batch...)
		}
		if held < 60 || held > 65 {
			t.Errorf("%d records of 1 MiB were fetched and held back, want about 64", held)
		}
		time.Sleep(time.Hour)
		if rest, err := drain(t, source); len(rest) != records || !errors.Is(err, ergon.ErrExhausted) {
			t.Errorf("when they were due, %d records came, %v, want all %d", len(rest), err, records)
		}
	})
}

func TestCloseEndsAFetchThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := open(t, sourceOf(t, "x.jsonl", numbers(1)))
		fetch(t, source, 1)
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := source.FetchTransactions(t.Context(), 1)
			wantError(t, err, "is not open")
		})
		wg.Go(func() {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, ergon.ErrAttemptTimeout)
			defer cancel()
			if _, err := source.FetchTransactions(ctx, 1); !errors.Is(err, ergon.ErrAttemptTimeout) {
				t.Errorf("a fetch that waits for another ended with %v", err)
			}
		})
		time.Sleep(10 * time.Millisecond)
		start := time.Now()
		if err := source.Close(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("close took %s: %v", time.Since(start), err)
		}
		wg.Wait()
	})
}

func TestManyFetchAndSettleAtOnce(t *testing.T) {
	const records = 5000
	source := open(t, sourceOf(t, "x.jsonl", numbers(records), func(s *file.SourceSettings) { s.MaxWait = time.Millisecond }))
	var mu sync.Mutex
	acked := map[string]int{}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				batch, err := source.FetchTransactions(t.Context(), 1+worker)
				if errors.Is(err, ergon.ErrExhausted) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if i%5 == worker%5 {
					settle(t, source, capability.Settlement{Action: policy.SettleRequeue}, batch...)
					continue
				}
				ack(t, source, batch...)
				mu.Lock()
				for _, tx := range batch {
					acked[tx.ID()]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(acked) != records {
		t.Errorf("%d records were acknowledged, want %d", len(acked), records)
	}
	for id, n := range acked {
		if n != 1 {
			t.Errorf("%s was acknowledged %d times", id, n)
		}
	}
}
