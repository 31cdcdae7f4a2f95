package pipeline_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

const probeEvery = 10 * time.Second

// newOutageRig makes a streaming loop whose handlers need something that is down until a time, and whose outages begin
// after three failures. It notes what is processed and how it ends.
func newOutageRig(j *journal, until time.Duration, ids ...string) *rig {
	began := time.Now()
	r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
		j.note("process " + tx.ID())
		if time.Since(began) < until {
			return nil, errDown
		}
		return nil, nil
	}}, ids...)
	r.OnEnd = func(result pipeline.Result) { j.note(result.Transaction.ID() + " " + result.Outcome.String()) }
	r.Policy.Process = once(time.Second)
	r.Policy.Loop.Streaming = true
	r.Policy.Loop.Outage = policy.Outage{After: 3, ProbeInterval: probeEvery}
	return r
}

// [L7]
func TestOutagePausesFetchingAndProbesUntilOneSucceeds(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j, logs := newJournal(), &logBuffer{}
		r := newOutageRig(j, 25*time.Second, "0", "1", "2", "3", "4")
		shape(r)
		r.Policy.Loop.Batch.Size = 1
		r.Logger = logs.logger(slog.LevelInfo)
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		wantOutage := func(at time.Duration, want bool) {
			t.Helper()
			time.Sleep(at - time.Since(j.begin))
			if got := r.consumer.Snapshot().Outage; got != want {
				t.Errorf("outage %t after %s, want %t", got, at, want)
			}
		}
		wantOutage(time.Second, true)
		wantOutage(30*time.Second-1, true)
		wantOutage(30*time.Second+1, false)
		time.Sleep(time.Minute)
		cancel()
		_ = r.wait()
		j.want(t,
			"0s process 0", "0s 0 dead_lettered", "0s process 1", "0s 1 dead_lettered",
			"0s process 2", "0s 2 requeued", // the third in a row is not its own fault any more
			"10s process 2", "10s 2 requeued",
			"20s process 2", "20s 2 requeued",
			"30s process 2", "30s 2 succeeded",
			"30s process 3", "30s 3 succeeded", "30s process 4", "30s 4 succeeded",
		)
		for _, settlement := range r.settlementsOf("2")[:3] {
			if settlement.Action != policy.SettleRequeue || settlement.Delay != probeEvery {
				t.Errorf("got settlement %q, want a requeue after %s", settlementText(settlement), probeEvery)
			}
		}
		var about []string
		for _, line := range logs.lines(t, slog.LevelInfo) {
			if text := fmt.Sprint(line["msg"]); strings.Contains(text, "outage") {
				about = append(about, text)
			}
		}
		if len(about) != 2 || !strings.HasPrefix(about[0], "outage: ") || !strings.HasPrefix(about[1], "outage over") {
			t.Errorf("the log says %q, want when the outage began and when it was over", about)
		}
	})
}

// [L7] What is in flight when an outage begins runs to its end; after that there is one probe at a time, also where there
// are many slots and a probe takes long.
func TestOutageHasOneProbeAtATime(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		var running, most atomic.Int64
		began := time.Now()
		var starts []time.Duration
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			now := running.Add(1)
			defer running.Add(-1)
			if since := time.Since(began); since > time.Second {
				raise(&most, now)
				starts = append(starts, since)
			}
			time.Sleep(time.Second)
			if time.Since(began) < time.Minute {
				return nil, errDown
			}
			return nil, nil
		}}, numbered(100)...)
		shape(r)
		r.Policy.Process = once(2 * time.Second)
		r.Policy.Loop.Streaming = true
		r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Size = 8, 8
		r.Policy.Loop.Outage = policy.Outage{After: 3, ProbeInterval: probeEvery}
		ctx, cancel := context.WithTimeout(t.Context(), 55*time.Second)
		defer cancel()
		r.start(ctx, t)
		_ = r.wait()
		if got := most.Load(); got != 1 {
			t.Errorf("%d probes ran at once, want 1", got)
		}
		want := []time.Duration{11 * time.Second, 22 * time.Second, 33 * time.Second, 44 * time.Second, 55 * time.Second}
		if !slices.Equal(starts, want[:4]) && !slices.Equal(starts, want) {
			t.Errorf("got probes after %s, want %s: the interval counts from the last failure", starts, want)
		}
		if got := r.consumer.Snapshot().Outcomes; got[pipeline.DeadLettered] > 2 { // failures at one moment may all find it begun
			t.Errorf("got outcomes %v, want no more dead letters than the two failures before the outage", got)
		}
	})
}

// [L7] Which failures begin an outage: only so many in a row that are not the transactions' own.
func TestWhichFailuresBeginAnOutage(t *testing.T) {
	system, business, timeout, ok := "s", "b", "t", "o"
	for _, test := range []struct {
		outcomes []string
		after    int
		want     bool
	}{
		{[]string{system, system}, 3, false},
		{[]string{system, system, system}, 3, true},
		{[]string{timeout, timeout, timeout}, 3, true},
		{[]string{system, timeout, system}, 3, true},
		{[]string{business, business, business, business}, 3, false},
		{[]string{system, system, business, system}, 3, true},
		{[]string{system, business, system, business, business}, 3, false},
		{[]string{system, system, ok, system, system}, 3, false},
		{[]string{ok, ok, ok, ok, ok, ok, system, system, system}, 3, true},
		{[]string{system}, 1, true},
		{[]string{system, system, system, system, system}, 0, false},
	} {
		name := fmt.Sprintf("%s, after %d", strings.Join(test.outcomes, ""), test.after)
		t.Run(name, func(t *testing.T) {
			inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
				r := newRig(ergon.Task{Process: func(ctx context.Context, tx ergon.Transaction) (any, error) {
					switch tx.Payload() {
					case system:
						return nil, errDown
					case business:
						return nil, ergon.Business(errRefused)
					case timeout:
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return nil, nil
				}})
				txs := transactionsOf(numbered(len(test.outcomes))...)
				for i := range txs {
					txs[i] = txs[i].WithPayload(test.outcomes[i])
				}
				r.Queue = memory.New(memory.Settings{Transactions: txs})
				r.Source = r.Queue
				r.Policy.Loop.Execution = execution
				r.Policy.Loop.Streaming = true
				r.Policy.Loop.Outage = policy.Outage{After: test.after, ProbeInterval: time.Hour}
				r.Policy.Process = once(time.Second)
				ctx, cancel := context.WithCancel(t.Context())
				r.start(ctx, t)
				time.Sleep(30 * time.Minute)
				if got := r.consumer.Snapshot().Outage; got != test.want {
					t.Errorf("outage %t, want %t", got, test.want)
				}
				cancel()
				_ = r.wait()
			})
		})
	}
}

// [L7] What an outage does not change: a BUSINESS failure is the transaction's own, and a handler that says what it wants
// gets it. Neither says that the outage is over: the next probe follows the one at once, and the other as any.
func TestOutageChangesNothingForOtherFailures(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newOutageRig(j, 45*time.Second, "0", "1", "2", "3", "4")
		down := r.Handlers.Process
		r.Handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			if tx.ID() == "2" && tx.Delivery().Count > 1 {
				j.note("process 2")
				return nil, ergon.Business(errRefused)
			}
			return down(ctx, tx)
		}
		r.Handlers.Exception = func(_ context.Context, tx ergon.Transaction, _ *ergon.TransactionError) (ergon.Disposition, error) {
			if tx.ID() == "4" {
				return ergon.Discard(), nil
			}
			return ergon.Disposition{}, nil
		}
		r.Policy.Loop.Execution = execution
		r.run(t)
		j.want(t,
			"0s process 0", "0s 0 dead_lettered", "0s process 1", "0s 1 dead_lettered", "0s process 2", "0s 2 requeued",
			"10s process 2", "10s 2 dead_lettered", "10s process 3", "10s 3 requeued",
			"20s process 3", "20s 3 requeued", "30s process 3", "30s 3 requeued",
			"40s process 4", "40s 4 discarded", // another, after three times the same
			"50s process 3", "50s 3 succeeded",
		)
	})
}

// [L7, E3] A shutdown does not wait for the next probe.
func TestOutageDoesNotHoldUpTheShutdown(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newOutageRig(newJournal(), time.Hour, numbered(10)...)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Outage.ProbeInterval = time.Hour
		began := time.Now()
		if err := r.runFor(t, time.Minute); !errors.Is(err, errStopped) {
			t.Errorf("got error %v, want the cause of the context's end", err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("the loop ended after %s, want after 1m", took)
		}
	})
}

// [L7] Probes are made at the policy's interval also while there is nothing to fetch: an outage does not make the loop spin.
func TestOutageOfAnEmptySourceDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r := newOutageRig(newJournal(), time.Hour, "0", "1", "2")
		r.Policy.Loop.OnException = policy.OnExceptionDiscard
		r.Handlers.Exception = func(context.Context, ergon.Transaction, *ergon.TransactionError) (ergon.Disposition, error) {
			return ergon.Discard(), nil
		}
		r.Queue = memory.New(memory.Settings{Transactions: transactionsOf("0", "1", "2")})
		r.spyOnFetches(j)
		_ = r.runFor(t, 10*time.Minute)
		if got := len(j.entries); got > 3+8+150 {
			t.Errorf("got %d fetches in 10 minutes, want no more than the policy for an empty source allows", got)
		}
	})
}

// [L7] Every third transaction is refused by a rule, which says nothing about the service that the others need: the outage begins
// all the same, and a probe that is refused is followed by the next without a pause.
func TestRefusalsInBetweenDoNotHideAnOutage(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		began := time.Now()
		var probes []time.Duration
		r := newRig(ergon.Task{Process: func(_ context.Context, tx ergon.Transaction) (any, error) {
			if since := time.Since(began); since > time.Second {
				probes = append(probes, since)
			}
			sleep(100 * time.Millisecond)
			switch n := tx.Payload().(int); {
			case n%3 == 0:
				return nil, ergon.Business(errRefused)
			case time.Since(began) < time.Minute:
				return nil, errDown
			}
			return nil, nil
		}})
		txs := transactionsOf(numbered(60)...)
		for i := range txs {
			txs[i] = txs[i].WithPayload(i)
		}
		r.Queue = memory.New(memory.Settings{Transactions: txs, Finite: true, Record: true})
		r.Source = r.Queue
		shape(r)
		r.Policy.Process = once(time.Second)
		r.Policy.Loop.Outage = policy.Outage{After: 5, ProbeInterval: probeEvery}
		r.run(t)
		if got := r.consumer.Snapshot().Outcomes; got[pipeline.DeadLettered] != 20+4 || got[pipeline.Succeeded] != 36 {
			t.Errorf("got outcomes %v, want the refused ones and the four failures before the outage dead-lettered", got)
		}
		// 0 to 7 took 0.8 s, of which 1, 2, 4, 5 and 7 failed.
		want := []time.Duration{10800 * time.Millisecond, 20900 * time.Millisecond, 31 * time.Second} // 7 each time
		if r.Policy.Loop.Mode == policy.ModeBatch {
			want[2] = 21 * time.Second // 8, then 9, which is refused, then 10 from the same batch
		}
		if len(probes) < 4 || !slices.Equal(probes[:3], want) {
			t.Errorf("got the first probes after %v, want %v", probes[:min(len(probes), 4)], want)
		}
	})
}

// [L7, R5] What waits for its next attempt when an outage begins goes back at once, uncounted, and keeps no probe from being
// made; so does a probe that asks for a delay of its own, which has failed by that.
func TestOutageDoesNotWaitForBackoffs(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newOutageRig(j, 15*time.Second, "slow", "0", "1", "2")
		down := r.Handlers.Process
		r.Handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			_, err := down(ctx, tx)
			if err != nil && tx.ID() == "slow" {
				err = ergon.RetryAfter(err, 4*time.Minute)
			}
			return nil, err
		}
		r.Policy.Loop.Execution, r.Policy.Loop.Batch.Size = execution, 1
		r.Policy.Process = retrying(2, time.Second, 0)
		r.run(t)
		j.want(t,
			"0s process slow",
			"0s process 0", "0s process 0", "0s 0 dead_lettered", "0s process 1", "0s process 1", "0s 1 dead_lettered",
			"0s process 2", "0s process 2", "0s slow interrupted", "0s 2 requeued",
			"10s process slow", "10s slow interrupted",
			"20s process slow", "20s slow succeeded", "20s process 2", "20s 2 succeeded",
		)
		if got := r.settlementsOf("slow"); len(got) != 3 || !got[0].Interrupted || !got[1].Interrupted {
			t.Errorf("got settlements %v of slow, want it given back twice", got)
		}
	})
}

// [L7] What was fetched and not begun when an outage begins is not run by slots that are free: probes are taken from it, before
// anything is fetched, and when it is over all of it is run.
func TestProbesAreTakenFromWhatTheLoopHolds(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newOutageRig(j, 25*time.Second, numbered(8)...)
		down := r.Handlers.Process
		r.Handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
			sleep(time.Second)
			return down(ctx, tx)
		}
		fetches := newJournal()
		r.spyOnFetches(fetches)
		r.Policy.Loop.Execution = execution
		r.Policy.Process = once(2 * time.Second)
		r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Prefetch, r.Policy.Loop.Batch.Size = 1, 5, 6
		r.run(t)
		j.want(t,
			"1s process 0", "1s 0 dead_lettered", "2s process 1", "2s 1 dead_lettered", "3s process 2", "3s 2 requeued",
			"14s process 3", "14s 3 requeued", "25s process 4", "25s 4 succeeded",
			"26s process 5", "26s 5 succeeded", "27s process 2", "27s 2 succeeded", "28s process 3", "28s 3 succeeded",
			"29s process 6", "29s 6 succeeded", "30s process 7", "30s 7 succeeded",
		)
		if got := withoutEmptyFetches(fetches); got[0] != "0s fetch 6: 0 1 2 3 4 5" || !strings.HasPrefix(got[1], "25s ") {
			t.Errorf("got fetches %q, want none between the first and the end of the outage", got)
		}
	})
}

// [L7] A transaction that fails by itself at the head of the source does not keep an outage from ending: after three probes
// another one is tried, and what was passed over is judged by its own policy afterwards.
func TestPoisonAtTheHeadDoesNotProlongAnOutage(t *testing.T) {
	for _, most := range []int{0, 1, 4} { // 0 is the default
		inBothModes(t, func(t *testing.T, shape func(*rig)) {
			j := newJournal()
			r := newOutageRig(j, 5*time.Second, "0", "1", "poison", "3", "4")
			down := r.Handlers.Process
			r.Handlers.Process = func(ctx context.Context, tx ergon.Transaction) (any, error) {
				if _, err := down(ctx, tx); err != nil || tx.ID() == "poison" {
					return nil, errDown
				}
				return nil, nil
			}
			shape(r)
			r.Policy.Loop.Batch.Size = 1
			r.Policy.Loop.Outage.SameProbe = most
			r.run(t)
			want := []string{
				"0s process 0", "0s 0 dead_lettered", "0s process 1", "0s 1 dead_lettered", "0s process poison", "0s poison requeued",
			}
			probes := cmp.Or(most, 3)
			for i := range probes {
				at := time.Duration(i+1) * probeEvery
				want = append(want, at.String()+" process poison", at.String()+" poison requeued")
			}
			over := (time.Duration(probes+1) * probeEvery).String()
			want = append(want, over+" process 3", over+" 3 succeeded")
			got := j.all()
			if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
				t.Errorf("same_probe %d: got %q, want first %q", most, got, want)
			}
			rest := slices.Sorted(slices.Values(got[min(len(want), len(got)):]))
			all := []string{over + " 4 succeeded", over + " poison dead_lettered", over + " process 4", over + " process poison"}
			if !slices.Equal(rest, all) {
				t.Errorf("same_probe %d: got %q after the outage, want 4 and the poison item at once", most, rest)
			}
		})
	}
}

// [L7] Where there is no other transaction the same one continues being the probe: an outage ends for it as well.
func TestTheOnlyTransactionIsProbedFurther(t *testing.T) {
	inBothModes(t, func(t *testing.T, shape func(*rig)) {
		j := newJournal()
		r := newOutageRig(j, 65*time.Second, "0", "1", "2")
		shape(r)
		r.run(t)
		got := j.all()
		if last := got[len(got)-1]; last != "1m10s 2 succeeded" {
			t.Errorf("ended with %q, want a probe each 10s until one succeeds after 1m10s: %q", last, got)
		}
		if n := len(r.settlementsOf("2")); n != 8 {
			t.Errorf("got %d settlements, want 8", n)
		}
	})
}

// [L7, E3] What an outage holds goes back when the loop is stopped, or paused for good.
func TestWhatAnOutageHoldsGoesBackAtTheEnd(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newOutageRig(newJournal(), time.Hour, numbered(8)...)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Prefetch, r.Policy.Loop.Batch.Size = 1, 5, 6
		if err := r.runFor(t, 5*time.Second); !errors.Is(err, errStopped) {
			t.Errorf("got error %v, want the cause of the context's end", err)
		}
		for _, id := range []string{"3", "4", "5"} {
			if got := r.settlementsOf(id); len(got) != 1 || !got[0].Interrupted {
				t.Errorf("got settlements %v of %s, want it given back", got, id)
			}
		}
	})
}

// [L7] What is held longer than the policy allows goes back, uncounted, and is probed again in its turn.
func TestWhatAnOutageHoldsTooLongGoesBack(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		r := newOutageRig(newJournal(), time.Hour, numbered(6)...)
		r.Policy.Loop.Execution = execution
		r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Prefetch, r.Policy.Loop.Batch.Size = 1, 5, 6
		r.Policy.Loop.HoldAtMost = 15 * time.Second
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		sleep(20*time.Second - 1)
		if got := r.settlementsOf("5"); len(got) != 0 {
			t.Errorf("got settlements %v before the first probe after 15s, want none", got)
		}
		sleep(2)
		if got := r.settlementsOf("5"); len(got) != 1 || !got[0].Interrupted {
			t.Errorf("got settlements %v after 20s, want it given back", got)
		}
		cancel()
		_ = r.wait()
	})
}

// secondTakeHangs is a quota that does not answer the second time until it is let go.
type secondTakeHangs struct {
	pipeline.Quota

	takes int
	free  chan struct{}
}

func (q *secondTakeHangs) Take(ctx context.Context, n int) int {
	q.takes++
	if q.takes == 2 {
		<-q.free
	}
	return q.Quota.Take(ctx, n)
}

// [L7] [E3] [F4] What an outage holds also goes back if the fetch loop hangs in foreign code and is abandoned.
func TestWhatAnOutageHoldsGoesBackAlthoughFetchingHangs(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		quota := &secondTakeHangs{Quota: pipeline.NewQuota(100), free: make(chan struct{})}
		r := newOutageRig(newJournal(), time.Hour, numbered(6)...)
		r.Policy.Loop.Execution, r.Quota, r.Policy.Loop.Limit = execution, quota, 100
		r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Batch.Prefetch, r.Policy.Loop.Batch.Size = 1, 10, 5
		err := r.runFor(t, 5*time.Second)
		if !errors.Is(err, errStopped) || !errors.Is(err, pipeline.ErrLeftBehind) {
			t.Errorf("got error %v, want the cause of the context's end, and that fetching is left behind", err)
		}
		for _, id := range []string{"3", "4"} {
			if got := r.settlementsOf(id); len(got) != 1 || !got[0].Interrupted {
				t.Errorf("got settlements %v of %s, want it given back", got, id)
			}
		}
		close(quota.free)
		sleep(time.Minute) // for what was left behind
	})
}
