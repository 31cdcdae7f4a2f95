package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/pipeline"
	"github.com/ergon-go/ergon/policy"
)

// pushing is a source whose server pushes, and which notes what is in demand.
type pushing struct {
	*memory.PushedQueue

	journal *journal
	do      func(n int) // nil: nothing besides
}

func (p *pushing) Demand(partition string, n int) {
	p.journal.note(fmt.Sprintf("demand %d", n))
	if p.do != nil {
		p.do(n)
	}
	p.PushedQueue.Demand(partition, n)
}

func (p *pushing) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	p.journal.note(fmt.Sprintf("settle %d", len(batch)))
	return p.PushedQueue.SettleTransactions(ctx, batch)
}

// pushed gives a rig such a source, with so many slots.
func (r *rig) pushed(t *testing.T, j *journal, slots int, s memory.Settings) *pushing {
	t.Helper()
	s.MaxWait, s.Record = time.Minute, true
	r.Queue = memory.New(s)
	source := &pushing{PushedQueue: memory.NewPushed(r.Queue), journal: j}
	if err := source.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close(context.WithoutCancel(t.Context())) })
	r.Source, r.Policy.Loop.Concurrency.Value, r.Policy.Loop.Streaming = source, slots, true
	r.Policy.Process = once(time.Hour)
	r.Policy.Loop.TransactionTimeout = 0
	return source
}

// demands are the entries of a journal about the demand.
func demands(j *journal) string {
	var all []string
	for _, entry := range j.all() {
		if at, n, found := strings.Cut(entry, " demand "); found {
			all = append(all, at+" "+n)
		}
	}
	return strings.Join(all, ", ")
}

func wantDemands(t *testing.T, j *journal, want string) {
	t.Helper()
	if got := demands(j); got != want {
		t.Errorf("got demands %q, want %q", got, want)
	}
}

// sleepy is a handler that takes an hour, or until it is cancelled.
func sleepy() ergon.Task {
	return ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
		select {
		case <-time.After(time.Hour):
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}}
}

// [K4] The demand is what the loop has slots for and fetches ahead. It is 0 from the moment of a pause and from the first step of a
// shutdown on, although handlers still run, and what is buffered is another's at once.
func TestDemandFollowsPauseAndShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r := newRig(sleepy())
		source := r.pushed(t, j, 4, memory.Settings{Transactions: transactionsOf(numbered(20)...)})
		r.Policy.Loop.Batch.Prefetch, r.Policy.Loop.Batch.Size = 2, 1
		ctx, cancel := context.WithCancel(t.Context())
		r.start(ctx, t)
		sleep(10 * time.Second)
		if got := source.Held(); got != 6 {
			t.Errorf("the consumer holds %d, want 6", got)
		}
		r.consumer.Pause()
		synctest.Wait()
		sleep(10 * time.Second)
		r.consumer.Resume()
		sleep(10 * time.Second)
		cancel()
		sleep(time.Second)
		if waiting, _ := r.Queue.CountTransactions(t.Context()); waiting != 16 {
			t.Errorf("%d wait for others while four handlers run, want 16", waiting)
		}
		_ = r.wait()
		wantDemands(t, j, "0s 6, 10s 0, 20s 6, 30s 0")
	})
}

// [K4] Changes that follow each other within a second are joined to the latest; one of less than a tenth is not passed on.
func TestChangesOfTheDemandAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r := newRig(sleepy())
		r.pushed(t, j, 100, memory.Settings{})
		r.start(t.Context(), t)
		set := func(n int) {
			if err := r.consumer.SetConcurrency(n); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		sleep(500 * time.Millisecond)
		for _, n := range []int{200, 300, 150} { // within the second after the first
			set(n)
		}
		sleep(4500 * time.Millisecond)
		set(164) // less than a tenth
		sleep(5 * time.Second)
		set(165)
		set(50)
		sleep(5 * time.Second)
		r.stop()
		_ = r.wait()
		wantDemands(t, j, "0s 100, 1s 150, 10s 165, 11s 50, 15s 0")
	})
}

// [K4] [L2] With a limit the demand is what is left of it and what is held, and 0 when the last has been started.
func TestDemandKeepsToTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			sleep(10 * time.Second)
			return nil, nil
		}})
		r.pushed(t, j, 2, memory.Settings{Transactions: transactionsOf(numbered(9)...)})
		r.Policy.Loop.Limit, r.Policy.Settle.Size = 3, 1
		r.run(t)
		wantDemands(t, j, "0s 2, 10s 0")
		if waiting, _ := r.Queue.CountTransactions(t.Context()); waiting != 6 {
			t.Errorf("%d are left, want 6", waiting)
		}
	})
}

// [K4] [R5] In an outage nothing is in demand but one transaction for each probe. After its success the slots are again.
func TestDemandInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, mended := newJournal(), atomic.Bool{}
		time.AfterFunc(25*time.Second, func() { mended.Store(true) })
		r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			sleep(time.Millisecond)
			if !mended.Load() {
				return nil, errors.New("out of order")
			}
			return nil, nil
		}})
		r.pushed(t, j, 3, memory.Settings{Transactions: transactionsOf(numbered(3)...)})
		r.Policy.Loop.Outage = policy.Outage{After: 3, ProbeInterval: 10 * time.Second}
		r.Policy.Loop.OnException, r.Policy.Settle.Size = policy.OnExceptionRequeue, 1
		r.start(t.Context(), t)
		sleep(time.Minute)
		r.stop()
		_ = r.wait()
		got := demands(j)
		if !strings.HasPrefix(got, "0s 3, 1ms 0, ") || !strings.HasSuffix(got, " 3, 1m0s 0") || strings.Count(got, " 1, ") < 2 {
			t.Errorf("got demands %q, want 3, then 0 and 1 for each probe, then 3 and 0", got)
		}
	})
}

// [K4] A server counts what is not settled against the demand, so a batch of settlements is at most half of it.
func TestSettlementsComeInHalvesOfTheDemand(t *testing.T) {
	for slots, want := range map[int]int{1: 1, 9: 4} {
		synctest.Test(t, func(t *testing.T) {
			j := newJournal()
			r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, nil }})
			r.pushed(t, j, slots, memory.Settings{Transactions: transactionsOf(numbered(50)...)})
			r.Policy.Settle.Size, r.Policy.Settle.Interval = 100, time.Hour
			r.Policy.Loop.Batch.Size = 1
			r.start(t.Context(), t)
			sleep(time.Minute)
			r.stop()
			_ = r.wait()
			if got := r.consumer.Snapshot().Outcomes[pipeline.Succeeded]; got != 50 {
				t.Errorf("%d slots: %d were settled within a minute, want all 50", slots, got)
			}
			for _, entry := range j.all() {
				var n int
				if _, size, found := strings.Cut(entry, " settle "); found {
					if _, err := fmt.Sscan(size, &n); err != nil || n > want {
						t.Errorf("%d slots: %q, want at most %d", slots, entry, want)
					}
				}
			}
		})
	}
}

// [K4] [F1] A source that panics when it is told is told again; one that hangs is left behind at the end, and named.
func TestDemandThatMisbehaves(t *testing.T) {
	t.Run("panics", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			j, logs := newJournal(), &logBuffer{}
			r := newRig(sleepy())
			source := r.pushed(t, j, 2, memory.Settings{})
			source.do = func(n int) {
				if n == 0 {
					panic("broken")
				}
			}
			r.Logger = logs.logger(0)
			r.start(t.Context(), t)
			sleep(10 * time.Second)
			r.consumer.Pause()
			synctest.Wait()
			r.consumer.Resume()
			sleep(10 * time.Second)
			r.stop()
			if err := r.wait(); !errors.Is(err, context.Canceled) || errors.Is(err, pipeline.ErrLeftBehind) {
				t.Errorf("got %v", err)
			}
			wantDemands(t, j, "0s 2, 10s 0, 10s 2, 20s 0")
		})
	})
	t.Run("hangs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			j := newJournal()
			r := newRig(sleepy())
			source := r.pushed(t, j, 2, memory.Settings{})
			source.do = func(int) { time.Sleep(time.Hour) }
			r.start(t.Context(), t)
			sleep(10 * time.Second)
			r.stop()
			if err := r.wait(); !errors.Is(err, pipeline.ErrLeftBehind) {
				t.Errorf("got %v, want ErrLeftBehind", err)
			}
			sleep(2 * time.Hour)
		})
	})
}

// whole is a source that wants all of a fetch settled before the next.
type whole struct{ *memory.Queue }

func (whole) Declare() capability.Declaration { return capability.Declaration{WholeBatches: true} }

// [K4] Such a source is refused with a loop that fetches while others run.
func TestWholeBatchesNeedBatchMode(t *testing.T) {
	for mode, refused := range map[policy.Mode]bool{policy.ModeContinuous: true, policy.ModeBatch: false} {
		r := newRig(sleepy())
		r.Source, r.Policy.Loop.Mode = whole{memory.New(memory.Settings{})}, mode
		_, err := pipeline.New(r.Settings)
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "loop.mode: continuous, but") {
			t.Errorf("%s: got %v", mode, err)
		}
	}
}
