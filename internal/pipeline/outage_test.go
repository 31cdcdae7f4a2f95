package pipeline_test

import (
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
		j, logs := newJournal(), &logBook{}
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
		{[]string{system, system, business, system, system}, 3, false},
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
// gets it. Both came through, or not, as ever.
func TestOutageChangesNothingForOtherFailures(t *testing.T) {
	inBothExecutions(t, func(t *testing.T, execution policy.Execution) {
		j := newJournal()
		r := newOutageRig(j, time.Hour, "0", "1", "2", "3", "4")
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
				return ergon.Discard, nil
			}
			return ergon.Disposition{}, nil
		}
		r.Policy.Loop.Execution = execution
		r.run(t)
		j.want(t,
			"0s process 0", "0s 0 dead_lettered", "0s process 1", "0s 1 dead_lettered", "0s process 2", "0s 2 requeued",
			"10s process 2", "10s 2 dead_lettered", // the probe got through: what it needs is up
			"10s process 3", "10s 3 dead_lettered",
			"10s process 4", "10s 4 discarded",
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
			return ergon.Discard, nil
		}
		r.Queue = memory.New(memory.Settings{Transactions: transactionsOf("0", "1", "2")})
		r.spyOnFetches(j)
		_ = r.runFor(t, 10*time.Minute)
		if got := len(j.entries); got > 3+8+150 {
			t.Errorf("got %d fetches in 10 minutes, want no more than the policy for an empty source allows", got)
		}
	})
}
