package coalesce_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
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
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/fence"
	"github.com/ergon-go/ergon/policy"
)

var (
	errLeft = errors.New("the caller has left")
	errCut  = errors.New("the connector was cut short")
)

// givenUp is an attempt that may be given up.
type givenUp struct{ atomic.Bool }

func (g *givenUp) GivenUp() bool { return g.Load() }

// run is a scenario with a real coalescer.
type run struct {
	scenario

	begin time.Time

	mu     sync.Mutex
	led    map[string]bool
	stored map[string]int
	seen   observed
}

// perform runs s in virtual time, and returns what was seen and how often each item was stored.
func perform(s scenario) (observed, map[string]int) {
	r := &run{
		scenario: s, begin: time.Now(), led: map[string]bool{}, stored: map[string]int{},
		seen: observed{told: make([]string, len(s.callers))},
	}
	c := coalesce.New(r, s.batch)
	var all sync.WaitGroup
	for i := range s.callers {
		all.Go(func() { r.dispatch(c, i) })
	}
	all.Go(func() {
		sleep(s.flushAt)
		ctx, cancel := context.WithTimeout(context.Background(), s.flushLimit)
		defer cancel()
		flushed := "given up"
		if c.Flush(ctx) == nil {
			flushed = r.since()
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen.flushed = flushed
	})
	all.Wait()
	sleep(time.Minute)
	if !c.Idle() {
		r.seen.flushed += ", and is never idle"
	}
	slices.Sort(r.seen.calls)
	return r.seen, r.stored
}

func (r *run) since() string { return time.Since(r.begin).String() }

func (r *run) dispatch(c *coalesce.Coalescer, i int) {
	of := r.callers[i]
	sleep(of.at)
	attempt := &givenUp{}
	var heard []string
	ctx := capability.WithDispatchReport(context.WithValue(context.Background(), fence.Key{}, fence.Attempt(attempt)),
		func(tx ergon.Transaction, _ capability.DispatchResult) { heard = append(heard, tx.ID()) })
	switch of.ending {
	case leaves:
		limited, cancel := context.WithTimeoutCause(ctx, of.patience, errLeft)
		defer cancel()
		ctx = limited
	case givesUp:
		defer time.AfterFunc(of.patience, func() { attempt.Store(true) }).Stop()
	default:
	}
	told := "panic"
	defer func() {
		_ = recover()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.seen.told[i] != "" {
			told = "twice: " + r.seen.told[i] + ", " + told
		}
		r.seen.told[i] = fmt.Sprint(r.since(), " ", told, " ", heard)
	}()
	told = tellingOf(c.DispatchTransactions(ctx, transactionsOf(itemsOf(i, of.size)...)))
}

func tellingOf(err error) string {
	failed, partial := errors.AsType[*ergon.BatchError](err)
	switch {
	case err == nil:
		return "stored"
	case errors.Is(err, errLeft):
		return "left"
	case partial:
		var at []string
		for i, failure := range failed.Failures {
			at = append(at, fmt.Sprint(i))
			if want := fmt.Sprint("/", i); !strings.HasSuffix(failure.Error(), want) {
				at = append(at, "with the error of "+failure.Error())
			}
		}
		slices.Sort(at)
		return "failed " + strings.Join(at, " ")
	case errors.Is(err, errScripted), errors.Is(err, errCut):
		return "error"
	default:
		if strings.HasPrefix(err.Error(), "not dispatched: the attempt that it belongs to was given up") {
			return "fenced"
		}
		return err.Error()
	}
}

// DispatchTransactions is the connector: it does what the scenario says of the first caller in batch.
func (r *run) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	var first int
	fmt.Sscan(batch[0].ID(), &first)
	r.mu.Lock()
	r.seen.calls = append(r.seen.calls, r.since()+" "+idsOf(batch))
	does := stores
	if id := batch[0].ID(); !r.led[id] {
		r.led[id], does = true, r.callers[first].action
	}
	r.mu.Unlock()
	switch does {
	case respects:
		select {
		case <-ctx.Done():
		case <-time.After(hangs + time.Duration(first)*time.Microsecond):
		}
		return errCut
	case ignores:
		sleep(hangs + time.Duration(first)*time.Microsecond)
	default:
		sleep(callTime(first))
	}
	failures := map[int]error{}
	if does == failsOne {
		failures[len(batch)/2] = errors.New(batch[len(batch)/2].ID())
	}
	for i, tx := range batch {
		if failures[i] != nil {
			continue
		}
		capability.ReportDispatch(ctx, tx, capability.Duplicate)
		if does != failsAll && does != panics {
			r.mu.Lock()
			r.stored[tx.ID()]++
			r.mu.Unlock()
		}
	}
	switch {
	case does == panics:
		panic("scripted panic")
	case does == failsAll:
		return errScripted
	case len(failures) > 0:
		return &ergon.BatchError{Failures: failures}
	default:
		return nil
	}
}

// check compares a scenario with the model, and what was told with what was stored.
func check(t *testing.T, s scenario) {
	t.Helper()
	got, stored := perform(s)
	if want := predict(s); !got.equals(want) {
		t.Fatalf("%+v (-model +got):\n%s", s, cmp.Diff(want, got, cmp.AllowUnexported(observed{})))
	}
	for i, c := range s.callers {
		for n, id := range itemsOf(i, c.size) {
			told := strings.Fields(got.told[i])[1]
			durable := told == "stored" || told == "failed" && !strings.Contains(got.told[i], fmt.Sprint("failed ", n))
			if times := stored[id]; durable && times != 1 || !durable && told != "left" && times != 0 || times > 1 {
				t.Fatalf("%+v:\n%s was stored %d times, and its caller was told %q", s, id, times, got.told[i])
			}
		}
	}
}

// batches are the policies of the scenarios.
var batches = map[string]policy.ProducerBatch{
	"pairs":     {Size: 2, Interval: 31 * time.Millisecond},
	"threes":    {Size: 3, Interval: 31 * time.Millisecond},
	"interval":  {Size: 100, Interval: 31 * time.Millisecond},
	"unlimited": {Size: 100, Interval: time.Hour},
}

// [B2] [I2] [T1] [F4] Each way in which one call is in progress while two dispatches come, with every action, size and end of theirs, and
// another one after them: what is called, told, heard and flushed, and when, is what the specification says, to the nanosecond.
func TestEveryWayInWhichThreeDispatchesMeet(t *testing.T) {
	for name, batch := range batches {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, first := range []action{stores, panics, ignores} {
					for second := range everyCaller(11*time.Millisecond, 43*time.Millisecond) {
						for third := range everyCaller(23 * time.Millisecond) {
							check(t, meeting(batch, first, second, third))
						}
					}
				}
			})
		})
	}
}

// everyCaller yields each size, action and end of a dispatch that comes one of these times after the one before.
func everyCaller(gaps ...time.Duration) iter.Seq[caller] {
	return func(yield func(caller) bool) {
		for n := range len(gaps) * 2 * int(actions) * int(endings) {
			gap, n := gaps[n%len(gaps)], n/len(gaps)
			if !yield(caller{at: gap, size: 1 + n%2, action: action(n / 2 % int(actions)), ending: ending(n / 2 / int(actions))}) {
				return
			}
		}
	}
}

// meeting is a scenario of these, with times that are all different.
func meeting(batch policy.ProducerBatch, first action, second, third caller) scenario {
	callers := []caller{{size: 1, action: first, at: time.Microsecond}, second, third, {at: 17 * time.Millisecond, size: 1}}
	for i := 1; i < len(callers); i++ {
		callers[i].at += callers[i-1].at + 7*time.Microsecond<<i
		callers[i].patience = 61*time.Millisecond + time.Duration(i)*1019*time.Microsecond
	}
	return scenario{batch: batch, callers: callers, flushAt: 29300 * time.Microsecond, flushLimit: 400 * time.Millisecond}
}

// FuzzCoalescer is the same for up to twelve dispatches by chance.
func FuzzCoalescer(f *testing.F) {
	for seed := range uint64(400) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 3))
		odd := func(most int) time.Duration { return time.Duration(1 + 2*random.IntN(most*500_000)) }
		s := scenario{
			batch:   policy.ProducerBatch{Size: 1 + random.IntN(8), Interval: odd(90)},
			flushAt: odd(200), flushLimit: odd(1500),
		}
		for range 1 + random.IntN(12) {
			s.callers = append(s.callers, caller{
				at: odd(200), patience: odd(200), size: 1 + random.IntN(3),
				action: action(random.IntN(int(actions))), ending: ending(random.IntN(int(endings))),
			})
		}
		synctest.Test(t, func(t *testing.T) { check(t, s) })
	})
}
