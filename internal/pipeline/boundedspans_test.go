package pipeline_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/otelrecord"
	"github.com/ergon-go/ergon/internal/pipeline"
)

// starting is a span processor or sampler that does something as a span of a name starts.
type starting struct {
	name string
	do   func()
	met  atomic.Int64
}

func (s *starting) tracing() *otelrecord.Tracing {
	return &otelrecord.Tracing{OnStart: func(name string) {
		if name == s.name {
			s.met.Add(1)
			s.do()
		}
	}}
}

// misbehaving are what a span processor or a sampler may do to its caller.
func misbehaving(free <-chan struct{}) map[string]func() {
	return map[string]func(){
		"hangs": func() { <-free }, "panics": func() { panic("span") }, "exits": runtime.Goexit,
		"is slow": func() { time.Sleep(100 * time.Millisecond) },
	}
}

// [F1] A sampler or a span processor that misbehaves as a span of the loop's own starts holds up the loop for a second at most, once.
func TestSpanOfTheLoopThatDoesNotStartIsLeftOut(t *testing.T) {
	const second, slow = time.Second, 100 * time.Millisecond
	// What three transactions of a second each, fetched one by one, take in addition.
	more := map[string]map[string]time.Duration{
		"task.run":         {"hangs": second, "is slow": slow},
		"fetch":            {"hangs": second, "is slow": slow},
		"fetch attempt 1":  {"hangs": second, "is slow": slow},
		"settle":           {"hangs": second, "is slow": slow}, // less where it is beside the next transaction
		"settle attempt 1": {"hangs": second, "is slow": slow},
	}
	for span, more := range more {
		for how := range misbehaving(nil) {
			t.Run(span+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					free := make(chan struct{})
					r := newRig(ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
						sleep(time.Second)
						return nil, nil
					}}, numbered(3)...)
					r.Policy.Loop.Concurrency.Value, r.Policy.Settle.Interval = 1, 0
					p := &starting{name: span, do: misbehaving(free)[how]}
					r.TracerProvider = p.tracing()
					began := time.Now()
					r.run(t)
					got, most := time.Since(began), 3*time.Second+more[how]
					if how == "is slow" {
						most = 3*time.Second + time.Duration(p.met.Load())*slow
					}
					least := most
					if strings.HasPrefix(span, "settle") {
						least = 3 * time.Second
					}
					if got < least || got > most {
						t.Errorf("it took %s, want %s to %s", got, least, most)
					}
					if got := r.consumer.Snapshot().Outcomes[pipeline.Succeeded]; got != 3 {
						t.Errorf("%d have succeeded, want 3", got)
					}
					if p.met.Load() == 0 {
						t.Errorf("no span %q was started", span)
					}
					close(free)
					sleep(time.Minute)
				})
			})
		}
	}
}

// [F1] [S5] Neither does it cost a lease.
func TestSpanOfAnExtensionThatDoesNotStartCostsNoLease(t *testing.T) {
	for how := range misbehaving(nil) {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				free := make(chan struct{})
				r := newRig(ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
					select {
					case <-ctx.Done():
						return nil, ctx.Err()
					case <-time.After(20 * time.Second):
						return nil, nil
					}
				}})
				r.Policy.Settle.Interval = 0
				q := memory.NewLeased(memory.Settings{Transactions: transactionsOf("1"), Finite: true}, 4*time.Second)
				r.Queue, r.Source = q.Queue, q
				p := &starting{name: "extend_leases", do: misbehaving(free)[how]}
				r.TracerProvider = p.tracing()
				began := time.Now()
				r.run(t)
				if got := time.Since(began); got < 20*time.Second || got > 20*time.Second+100*time.Millisecond {
					t.Errorf("it took %s, want the 20s of its handler, and no more than a slow start at the end", got)
				}
				if got := r.consumer.Snapshot(); got.Outcomes[pipeline.Succeeded] != 1 || got.Fetched != 1 {
					t.Errorf("got %v of %d fetched, want one that has succeeded at once", got.Outcomes, got.Fetched)
				}
				if p.met.Load() == 0 {
					t.Error("no lease was extended")
				}
				close(free)
				sleep(time.Minute)
			})
		})
	}
}
