package coalesce_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/policy"
)

// sleep sleeps in virtual time. It panics outside of a bubble, whose clock starts in the year 2000: no test waits for real.
func sleep(d time.Duration) {
	if now := time.Now().UTC(); now.Year() != 2000 {
		panic("a test sleeps outside of a bubble, at " + now.String())
	}
	time.Sleep(d)
}

// slow is a connector that takes a second for a call and notes when each began: "0s a b".
func slow(j *journal, fail func(batch []ergon.Transaction) error) dispatcher {
	return func(_ context.Context, batch []ergon.Transaction) error {
		j.note(idsOf(batch))
		sleep(time.Second)
		if fail == nil {
			return nil
		}
		return fail(batch)
	}
}

// after dispatches beside the test, that long from now, and returns what came of it.
func after(o ergon.Dispatcher, d time.Duration, ids ...string) <-chan error {
	done := make(chan error, 1)
	go func() {
		sleep(d)
		done <- o.DispatchTransactions(context.Background(), transactionsOf(ids...))
	}()
	return done
}

// [B2] Nobody waits for company: with no call in progress a dispatch is made at once, by its caller.
func TestDispatchThatIsAloneIsMadeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(slow(j, nil), policy.ProducerBatch{Size: 100, Interval: time.Hour})
		for _, id := range []string{"a", "b"} {
			if err := o.DispatchTransactions(t.Context(), transactionsOf(id)); err != nil {
				t.Fatal(err)
			}
		}
		j.want(t, "0s a", "1s b")
	})
}

// [B2] What comes while a call is in progress makes the next one together; in the order in which it came.
func TestDispatchesThatComeWhileACallIsUnderWayAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(slow(j, nil), policy.ProducerBatch{Size: 100, Interval: time.Hour})
		for i, ids := range []string{"a", "b c", "d", "e"} {
			after(o, time.Duration(i)*time.Millisecond, strings.Fields(ids)...)
		}
		sleep(10 * time.Second)
		j.want(t, "0s a", "1s b c d e")
	})
}

// [B2] Both bounds: by size, and by the interval; what does not fit waits for the next call.
func TestJoinedCallIsMadeWhenItIsFullOrHasWaitedForTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(slow(j, nil), policy.ProducerBatch{Size: 3, Interval: 100 * time.Millisecond})
		for i, ids := range []string{"a", "b", "c", "d", "e f", "g h", "i"} {
			after(o, time.Duration(i)*time.Millisecond, strings.Fields(ids)...)
		}
		sleep(10 * time.Second)
		j.want(t, "0s a", "3ms b c d", "5ms e f", "6ms g h i")

		lone := newJournal()
		o = coalesce.New(slow(lone, nil), policy.ProducerBatch{Size: 3, Interval: 100 * time.Millisecond})
		after(o, 0, "a")
		after(o, 10*time.Millisecond, "b")
		after(o, 20*time.Millisecond, "c")
		sleep(10 * time.Second)
		lone.want(t, "0s a", "110ms b c")
	})
}

// [B2] A dispatch that fills a batch by itself, and any where the size is 1, is sent as it is.
func TestDispatchThatNeedsNoCompanyIsSentAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(slow(j, nil), policy.ProducerBatch{Size: 3, Interval: time.Hour})
		after(o, 0, "a")
		after(o, time.Millisecond, "b", "c", "d", "e")
		sleep(5 * time.Second)
		o = coalesce.New(slow(j, nil), policy.ProducerBatch{Size: 1, Interval: time.Hour})
		after(o, 0, "f")
		after(o, time.Millisecond, "g")
		sleep(5 * time.Second)
		j.want(t, "0s a", "1ms b c d e", "5s f", "5.001s g")
	})
}

// [B2] Each caller gets the result of its own items, by their index in its batch.
func TestEachCallerGetsTheResultOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := coalesce.New(slow(newJournal(), func(batch []ergon.Transaction) error {
			failures := map[int]error{}
			for i, tx := range batch {
				if strings.HasPrefix(tx.ID(), "bad") {
					failures[i] = errors.New(tx.ID())
				}
			}
			if len(failures) == 0 {
				return nil
			}
			return &ergon.BatchError{Failures: failures}
		}), policy.ProducerBatch{Size: 100, Interval: time.Hour})
		first := after(o, 0, "a")
		good, mixed, bad := after(o, 1, "b", "c"), after(o, 2, "d", "bad-1", "e", "bad-2"), after(o, 3, "bad-3")
		for name, c := range map[string]struct {
			got  <-chan error
			want map[int]string
		}{
			"first": {first, nil}, "good": {good, nil},
			"mixed": {mixed, map[int]string{1: "bad-1", 3: "bad-2"}}, "bad": {bad, map[int]string{0: "bad-3"}},
		} {
			err := <-c.got
			got := map[int]string{}
			if batch, ok := errors.AsType[*ergon.BatchError](err); ok {
				for i, e := range batch.Failures {
					got[i] = e.Error()
				}
			}
			if (err == nil) != (c.want == nil) || (c.want != nil && !cmp.Equal(got, c.want)) {
				t.Errorf("%s was told %v, want %v", name, err, c.want)
			}
		}
	})
}

// [B2] One that makes the whole call fail fails alone: the call does not say whose fault it was, so each is tried by itself.
func TestCallThatFailsAsAWholeIsMadeAgainForEachCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(slow(j, func(batch []ergon.Transaction) error {
			if strings.Contains(idsOf(batch), "crash") {
				panic("poison")
			}
			if strings.Contains(idsOf(batch), "poison") {
				return errScripted
			}
			return nil
		}), policy.ProducerBatch{Size: 100, Interval: time.Hour})
		after(o, 0, "a")
		good, poison := after(o, time.Millisecond, "b"), after(o, 2*time.Millisecond, "poison")
		if err := <-good; err != nil {
			t.Errorf("the innocent was told %v", err)
		}
		if err := <-poison; !errors.Is(err, errScripted) {
			t.Errorf("the guilty was told %v, want its error", err)
		}
		got := j.all()
		slices.Sort(got[2:])
		if diff := cmp.Diff([]string{"0s a", "1s b poison", "2s b", "2s poison"}, got); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		crash := make(chan any, 1)
		after(o, 0, "c")
		good = after(o, time.Millisecond, "d")
		go func() {
			defer func() { crash <- recover() }()
			sleep(2 * time.Millisecond)
			_ = o.DispatchTransactions(context.Background(), transactionsOf("crash"))
		}()
		if err := <-good; err != nil {
			t.Errorf("the innocent was told %v", err)
		}
		if got := <-crash; got != "poison" {
			t.Errorf("the guilty panicked with %v, want its panic", got)
		}
	})
}

// [B2] A call that hangs does not block later ones for ever, and a caller whose context ends is released.
func TestCallThatHangsBlocksNobodyForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, release := newJournal(), make(chan struct{})
		o := coalesce.New(dispatcher(func(_ context.Context, batch []ergon.Transaction) error {
			j.note(idsOf(batch))
			if strings.HasPrefix(idsOf(batch), "hang") {
				<-release // heeds nothing
			}
			return nil
		}), policy.ProducerBatch{Size: 100, Interval: 10 * time.Millisecond})
		after(o, 0, "hang-1")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errScripted)
		defer cancel()
		sleep(time.Millisecond)
		err := o.DispatchTransactions(ctx, transactionsOf("hang-2"))
		if !errors.Is(err, errScripted) {
			t.Errorf("the caller was told %v, want the cause of its end", err)
		}
		if err := <-after(o, 0, "a"); err != nil {
			t.Errorf("the next was told %v", err)
		}
		j.want(t, "0s hang-1", "11ms hang-2", "1.01s a")

		flushing, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := o.Flush(flushing); err == nil {
			t.Error("it was flushed while calls hang")
		}
		close(release)
		if err := o.Flush(t.Context()); err != nil {
			t.Errorf("flushing after the last call has come back: %v", err)
		}
	})
}

// [B2] A dispatch that its caller gives up before it is sent is never sent.
func TestDispatchThatIsGivenUpBeforeItIsSentIsNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(slow(j, nil), policy.ProducerBatch{Size: 100, Interval: time.Hour})
		after(o, 0, "a")
		sleep(time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if err := o.DispatchTransactions(ctx, transactionsOf("given-up")); err == nil {
			t.Error("a dispatch that was never sent is reported as durable")
		}
		<-after(o, 0, "b")
		j.want(t, "0s a", "1s b")
	})
}

func TestCallThatNobodyWaitsForAnyMoreIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		o := coalesce.New(dispatcher(func(ctx context.Context, batch []ergon.Transaction) error {
			if idsOf(batch) != "b c" {
				sleep(time.Second)
				return nil
			}
			<-ctx.Done()
			j.note("cancelled")
			return ctx.Err()
		}), policy.ProducerBatch{Size: 100, Interval: time.Hour})
		after(o, 0, "a")
		sleep(time.Millisecond)
		for id, patience := range map[string]time.Duration{"b": 2 * time.Second, "c": 3 * time.Second} {
			go func() {
				if id == "c" {
					sleep(time.Millisecond)
				}
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				_ = o.DispatchTransactions(ctx, transactionsOf(id))
			}()
		}
		sleep(time.Minute)
		j.want(t, "3.002s cancelled")
	})
}

// [B2] A connector that never returns does not gather calls without end.
func TestHangingCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int64
		o := coalesce.New(dispatcher(func(context.Context, []ergon.Transaction) error {
			calls.Add(1)
			<-release
			return nil
		}), policy.ProducerBatch{Size: 100, Interval: time.Millisecond})
		after(o, 0, "first")
		sleep(time.Millisecond)
		var last error
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			last = o.DispatchTransactions(ctx, transactionsOf("x"))
			cancel()
		}
		if want := "too many dispatches of the connector were given up and have not returned; make it respect its context"; last == nil ||
			last.Error() != want {
			t.Errorf("got %v, want %s", last, want)
		}
		if n := calls.Load(); n != 65 {
			t.Errorf("%d calls hang, want the first and 64 more", n)
		}
		close(release)
	})
}

// [T1] What an attempt dispatches after it was given up goes nowhere.
func TestAttemptThatWasGivenUpDispatchesNothing(t *testing.T) {
	j := newJournal()
	o := coalesce.New(dispatcher(func(context.Context, []ergon.Transaction) error {
		j.note("dispatched")
		return nil
	}), policy.ProducerBatch{Size: 100})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ergon.ErrAttemptTimeout)
	if err := o.DispatchTransactions(ctx, transactionsOf("a")); !errors.Is(err, ergon.ErrAttemptTimeout) {
		t.Errorf("got %v, want the cause", err)
	}
	j.want(t)
}

// [B2] Whatever fails, and whoever gives up: what is reported as durable is durable, exactly once if nothing was given up, and in the
// order of the caller's batch.
func TestManyCallersGetTrueResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, rounds = 20, 50
		var mu sync.Mutex
		durable := map[string]int{}
		random := rand.New(rand.NewPCG(7, 9))
		chance := func(n int) bool { mu.Lock(); defer mu.Unlock(); return random.IntN(n) == 0 }
		o := coalesce.New(dispatcher(func(ctx context.Context, batch []ergon.Transaction) error {
			sleep(time.Millisecond)
			if chance(10) {
				<-ctx.Done()
				return ctx.Err()
			}
			if chance(5) {
				return errScripted
			}
			failures := map[int]error{}
			last := map[string]int{}
			for i, tx := range batch {
				if chance(10) {
					failures[i] = errors.New(tx.ID())
					continue
				}
				mu.Lock()
				durable[tx.ID()]++
				mu.Unlock()
				caller, n, _ := strings.Cut(tx.ID(), "/")
				var at int
				fmt.Sscan(n, &at)
				if at < last[caller] {
					t.Errorf("%s came after %d", tx.ID(), last[caller])
				}
				last[caller] = at
			}
			if len(failures) > 0 {
				return &ergon.BatchError{Failures: failures}
			}
			return nil
		}), policy.ProducerBatch{Size: 10, Interval: 2 * time.Millisecond})
		var all sync.WaitGroup
		for c := range callers {
			all.Go(func() {
				for r := range rounds {
					ids := []string{fmt.Sprintf("%d/%d", c, 3*r), fmt.Sprintf("%d/%d", c, 3*r+1), fmt.Sprintf("%d/%d", c, 3*r+2)}
					ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
					err := o.DispatchTransactions(ctx, transactionsOf(ids[:1+r%3]...))
					gaveUp := ctx.Err() != nil
					cancel()
					batch, partial := errors.AsType[*ergon.BatchError](err)
					mu.Lock()
					for i, id := range ids[:1+r%3] {
						told := err == nil || partial && batch.Failures[i] == nil
						if partial && batch.Failures[i] != nil && batch.Failures[i].Error() != id {
							t.Errorf("%s was told of %v", id, batch.Failures[i])
						}
						if n := durable[id]; told && n != 1 || !told && n != 0 && !gaveUp {
							t.Errorf("%s is durable %d times, and its caller was told %v", id, n, err)
						}
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if err := o.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// [F4] Flush and Idle see every call that is in progress, whoever makes it, and also where its caller has given it up.
func TestFlushWaitsForEveryCall(t *testing.T) {
	for name, batch := range map[string]policy.ProducerBatch{
		"that joins nothing":   {Size: 1},
		"that is a full batch": {Size: 2, Interval: time.Hour}, "that is alone": {Size: 3, Interval: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := coalesce.New(dispatcher(func(context.Context, []ergon.Transaction) error {
					sleep(10 * time.Second)
					return nil
				}), batch)
				if !o.Idle() {
					t.Error("not idle at the beginning")
				}
				after(o, 0, "a", "b")
				synctest.Wait()
				if o.Idle() {
					t.Error("idle while a call is under way")
				}
				ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
				defer cancel()
				if err := o.Flush(ctx); err == nil {
					t.Error("flushed while a call is under way")
				}
				began := time.Now()
				if err := o.Flush(t.Context()); err != nil || time.Since(began) != time.Second || !o.Idle() {
					t.Errorf("got %v after %s, idle %v; want the end of the call after 1s", err, time.Since(began), o.Idle())
				}
			})
		})
	}
}
