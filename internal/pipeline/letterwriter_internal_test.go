package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/policy"
)

// endedFlight is one that began at an instant and has ended. "!a/k" is dead and has the ordering key k.
func endedFlight(id string, began instant) *flight {
	_, key, _ := strings.Cut(id, "/")
	tx := ergon.NewTransaction(id, nil)
	if key != "" {
		tx = tx.WithOrderingKey(key)
	}
	f := &flight{tx: &tx, began: began}
	f.verdict.dead = strings.HasPrefix(id, "!")
	return f
}

func idsOfFlights(flights []*flight) (ids []string) {
	for _, f := range flights {
		ids = append(ids, f.tx.ID())
	}
	return ids
}

// [S2] [L8] What is dead waits for its letter, and with it what began after it in its ordering key, in whatever order they ended. Nothing
// else does.
func TestLetterWriterSetsAsideWhatWaitsForALetter(t *testing.T) {
	type ended struct {
		id    string
		began instant
	}
	batch := []ended{{"b/k", 2}, {"!a/k", 1}, {"0/k", 0}, {"!x", 1}, {"y/other", 5}, {"z", 5}, {"c/k", 3}}
	for name, c := range map[string]struct {
		ordered, floor bool
		rest, waiting  []string
	}{
		"in the order of keys": {true, false, []string{"0/k", "y/other", "z"}, []string{"b/k", "!a/k", "!x", "c/k"}},
		"in no order":          {false, false, []string{"b/k", "0/k", "y/other", "z", "c/k"}, []string{"!a/k", "!x"}},
		"up to a floor":        {true, true, nil, []string{"b/k", "!a/k", "0/k", "!x", "y/other", "z", "c/k"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &letterWriter{ordered: c.ordered, floor: c.floor}
			var flights []*flight
			for _, e := range batch {
				flights = append(flights, endedFlight(e.id, e.began))
			}
			rest := l.setAside(flights)
			if diff := cmp.Diff(c.rest, idsOfFlights(rest)); diff != "" {
				t.Errorf("what is settled now (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.waiting, idsOfFlights(l.waiting)); diff != "" || !l.busy() {
				t.Errorf("what waits, busy %t (-want +got):\n%s", l.busy(), diff)
			}
		})
	}
}

// [S2] [L8] A later batch waits as well as long as something of its key does, and not longer.
func TestLetterWriterKeepsAKeyUntilAllOfItIsSettled(t *testing.T) {
	l := &letterWriter{ordered: true}
	first := []*flight{endedFlight("!a/k", 1), endedFlight("b/k", 2)}
	l.setAside(slices.Clone(first))
	later := []*flight{endedFlight("c/k", 3), endedFlight("0/k", 0)}
	if rest := l.setAside(slices.Clone(later)); len(rest) != 1 || rest[0] != later[1] {
		t.Errorf("%v are settled before the letter, want what began before it", idsOfFlights(rest))
	}
	for _, f := range append(first, later[0]) {
		if last := endedFlight("d/k", 4); !l.follows(last) {
			t.Errorf("before %s is settled: d would be settled", f.tx.ID())
		}
		l.leave(f)
	}
	if len(l.keys) != 0 {
		t.Errorf("%d keys are remembered at the end, want none", len(l.keys))
	}
	if rest := l.setAside([]*flight{endedFlight("d/k", 4)}); len(rest) != 1 {
		t.Error("d still waits although everything of its key is settled")
	}
}

// [S2] A source with a floor gets nothing that is beyond a letter, also not what ends while it is being written; without a letter it
// gets everything.
func TestLetterWriterHoldsBackEverythingBehindALetterAtAFloor(t *testing.T) {
	l := &letterWriter{floor: true}
	for _, writing := range []bool{false, true} {
		l.writing = writing
		rest := l.setAside([]*flight{endedFlight("a", 1), endedFlight("b", 2)})
		if n := len(rest); n == 0 != writing || len(l.waiting) == 0 == writing {
			t.Errorf("while a letter is written (%t): %d are settled and %d wait", writing, n, len(l.waiting))
		}
	}
}

// letterFixture is a settler with a store of dead letters, in batches of three. It notes the beginnings of calls: "0s letter a",
// "10s settle a".
type letterFixture struct {
	stats      loopStats
	capacity   capacity
	memory     flightMemory
	unwritten  unwritten
	failures   failures
	headroom   headroom
	payloads   payloads
	stall      stallDetector
	background background
	settler    *settler
	begin      time.Time
	dispatch   func(letters int) error // what the store does

	mu      sync.Mutex // guards what follows
	entries []string
	most    int // calls of the store at once
	now     int
}

func (l *letterFixture) note(what string, ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, fmt.Sprintf("%s %s %s", time.Since(l.begin), what, strings.Join(ids, " ")))
}

func (l *letterFixture) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

func (l *letterFixture) SettleTransactions(_ context.Context, batch []capability.Settlement) error {
	ids := make([]string, len(batch))
	for i, s := range batch {
		ids[i] = s.Transaction.ID() + " " + s.Action.String()
	}
	l.note("settle", ids)
	return nil
}

func (l *letterFixture) DispatchTransactions(_ context.Context, batch []ergon.Transaction) error {
	ids := make([]string, len(batch))
	for i, tx := range batch {
		ids[i] = tx.ID()
	}
	l.note("letter", ids)
	l.count(1)
	defer l.count(-1)
	return l.dispatch(len(batch))
}

func (l *letterFixture) count(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now += n
	l.most = max(l.most, l.now)
}

// inLetterFixture runs a test in a bubble of virtual time. The store needs ten seconds for a call, of which there are two at most.
func inLetterFixture(t *testing.T, test func(t *testing.T, l *letterFixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &letterFixture{begin: time.Now(), dispatch: func(int) error {
			time.Sleep(10 * time.Second)
			return nil
		}}
		p := policy.DefaultConsumer()
		p.Settle.Size = 3
		p.Settle.Retry = policy.Retry{MaxAttempts: 2, Timeout: time.Minute, Backoff: time.Second, BackoffMultiplier: 1}
		clock := attempt.NewClock()
		watcher, _, err := newWatcher(Settings{Policy: p, Logger: slog.New(slog.DiscardHandler)}, clock, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.stats.init(clock)
		l.capacity.init(p)
		l.stall.init(clock, p)
		l.headroom.init(1)
		l.payloads = newPayloads(&l.headroom)
		l.memory.loop = &inherited{clock: clock, values: context.Background()}
		l.failures.watcher = watcher
		calls := batchCaller{retry: p.Settle.Retry, hanging: &Hanging{}, stall: &l.stall}
		store := &letterStore{
			task: "task", store: l, payloads: &l.payloads, calls: calls,
			lost: &lostLetters{
				delay: 5 * time.Second, canRequeue: true, clock: clock, unwritten: &l.unwritten, failures: &l.failures, watcher: watcher,
				stop: func(error) {},
			},
		}
		batches := &batchSettler{
			clock: clock, source: l, calls: calls, leases: &leases{}, stall: &l.stall, watcher: watcher, failures: &l.failures,
			stop:       func(error) {},
			completion: completion{stats: &l.stats, capacity: &l.capacity, unwritten: &l.unwritten, memory: &l.memory, watcher: watcher},
		}
		letters := &letterWriter{store: store, stall: &l.stall, background: &l.background}
		l.settler = newSettler(p.Settle, &l.stats, batches, letters, &l.background, func(*worker) {})
		l.background.begin(context.Background())
		l.background.run(l.settler.run)
		defer l.end()
		test(t, l)
		l.end()
		if n := l.capacity.unsettled.Load(); n != 0 || l.settler.letters.busy() || len(l.settler.letters.keys) != 0 {
			t.Errorf("at the end %d are unsettled, letters are written: %t, and %d keys are remembered",
				n, l.settler.letters.busy(), len(l.settler.letters.keys))
		}
	})
}

// add ends transactions and makes the settler settle: "a" is acknowledged, "!a" gets a letter, "a/k" has a key.
func (l *letterFixture) add(ids ...string) {
	txs := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		txs[i] = *endedFlight(id, 0).tx
	}
	l.capacity.unsettled.Add(int64(len(ids)))
	for _, f := range l.memory.newFlights(txs) {
		f.verdict = verdict{outcome: Succeeded, action: policy.SettleAck}
		if strings.HasPrefix(f.tx.ID(), "!") {
			f.failed(errHandler)
			f.failure.cause = &ergon.TransactionError{Category: ergon.CategoryBusiness, TransactionID: f.tx.ID(), Err: errHandler}
			f.verdict = verdict{outcome: DeadLettered, action: policy.SettleAck, dead: true}
		}
		l.settler.add(&l.stats.shards[0], f)
	}
	l.settler.settleNow()
	synctest.Wait()
}

// end ends the settler; it may be called again.
func (l *letterFixture) end() {
	select {
	case <-l.settler.closing:
	default:
		close(l.settler.closing)
	}
	l.background.helpers.Wait()
}

// want wants these entries; those of one moment have no order.
func (l *letterFixture) want(t *testing.T, want ...string) {
	t.Helper()
	got := l.all()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what happened (-want +got):\n%s", diff)
	}
}

// [S2] A transaction is settled once its letter is written, and not a moment before. Others do not wait for it.
func TestLetterIsWrittenBeforeItsTransactionIsSettled(t *testing.T) {
	inLetterFixture(t, func(t *testing.T, l *letterFixture) {
		l.add("!a", "b")
		l.want(t, "0s letter !a", "0s settle b ack")
		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		l.want(t, "0s letter !a", "0s settle b ack")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		l.want(t, "0s letter !a", "0s settle b ack", "10s settle !a ack")
	})
}

// [S2] [L8] What follows a dead one in its key is settled with it, although it needs no letter. After that the key waits for nothing.
func TestKeyWaitsForItsLetter(t *testing.T) {
	inLetterFixture(t, func(t *testing.T, l *letterFixture) {
		l.settler.letters.ordered = true
		l.add("!a/k", "b/k", "c/other")
		time.Sleep(10 * time.Second)
		l.add("d/k")
		l.end()
		l.want(t, "0s letter !a/k", "0s settle c/other ack", "10s settle !a/k ack b/k ack", "10s settle d/k ack")
	})
}

// [S2] One batch of letters is written at a time, of the size of the policy. The end of the settler waits for all of them.
func TestLettersAreWrittenOneBatchAtATime(t *testing.T) {
	inLetterFixture(t, func(t *testing.T, l *letterFixture) {
		l.add("!a", "!b", "!c", "!d", "!e", "!f", "!g")
		l.add("h")
		l.end()
		l.want(t, "0s letter !a !b !c", "0s settle h ack", "10s letter !d !e !f", "10s settle !a ack !b ack !c ack",
			"20s letter !g", "20s settle !d ack !e ack !f ack", "30s settle !g ack")
		if l.most != 1 {
			t.Errorf("%d calls of the store at once, want 1", l.most)
		}
		if n := l.stats.snapshot().Outcomes[DeadLettered]; n != 7 {
			t.Errorf("%d are dead-lettered, want 7", n)
		}
	})
}

// [S2] A letter that is not written within the attempts of the policy is no acknowledgement: its transaction is requeued.
func TestTransactionWithoutALetterIsRequeued(t *testing.T) {
	inLetterFixture(t, func(t *testing.T, l *letterFixture) {
		l.dispatch = func(int) error {
			time.Sleep(10 * time.Second)
			return errors.New("scripted: disk full")
		}
		l.add("!a", "!b")
		l.end()
		// the second attempt writes each by itself, to find one at fault
		l.want(t, "0s letter !a !b", "11s letter !a !b", "21s letter !a", "31s letter !b", "41s settle !a requeue !b requeue")
		got := l.stats.snapshot().Outcomes
		if got[DeadLettered] != 0 || got[Requeued] != 2 || l.unwritten.known.Load() != 2 {
			t.Errorf("got %v and %d unwritten letters, want 2 requeued and both unwritten", got, l.unwritten.known.Load())
		}
	})
}

// [S2] [F1] A store that names an item outside of its batch has written nothing, whatever it says of that item.
func TestLettersOfACallThatNamesAnotherItemAreNotWritten(t *testing.T) {
	inLetterFixture(t, func(t *testing.T, l *letterFixture) {
		l.dispatch = func(int) error {
			return &ergon.BatchError{Failures: map[int]error{3: ergon.Permanent(errHandler)}}
		}
		l.add("!a", "!b")
		l.end()
		got := l.stats.snapshot().Outcomes
		if got[DeadLettered] != 0 || got[Requeued] != 2 {
			t.Errorf("got %v, want 2 requeued", got)
		}
	})
}

// [S2] [F1] The same holds if the store fails a batch as a whole and is called for its halves: the half whose call names an item outside of
// itself is not written, and the item that has that place in the batch is.
func TestHalfThatNamesAnotherItemIsNotWritten(t *testing.T) {
	inLetterFixture(t, func(t *testing.T, l *letterFixture) {
		l.dispatch = func(letters int) error {
			switch letters {
			case 3:
				return errHandler
			case 1:
				return &ergon.BatchError{Failures: map[int]error{1: errHandler}} // which is !b in the batch
			default:
				return nil
			}
		}
		l.add("!a", "!b", "!c")
		l.end()
		l.want(t, "0s letter !a !b !c", "1s letter !a !b !c", "1s letter !a", "1s letter !b !c", "1s settle !a requeue !b ack !c ack")
		if got := l.stats.snapshot().Outcomes; got[DeadLettered] != 2 || got[Requeued] != 1 {
			t.Errorf("got %v, want 2 dead-lettered and 1 requeued", got)
		}
	})
}

// [E2] A store that hangs until its calls are given up makes nothing overdue, and neither do letters that are written, or have failed.
func TestLetterWriterIsNotStalledWithinItsAttempts(t *testing.T) {
	for name, dispatch := range map[string]func(int) error{
		"written": func(int) error { return nil },
		"hangs":   func(int) error { time.Sleep(time.Hour); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			inLetterFixture(t, func(t *testing.T, l *letterFixture) {
				l.dispatch = dispatch
				l.add("!a")
				for range 60 {
					time.Sleep(time.Minute)
					if got := l.stall.stalled(0, 0); got != "" {
						t.Errorf("%q is overdue after %s", got, time.Since(l.begin))
						break
					}
				}
				l.end()
				time.Sleep(time.Hour) // for what was given up
			})
		})
	}
}
