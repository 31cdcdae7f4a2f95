package pipeline_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/internal/otelrecord"
)

// inspected is a queue that can be looked into.
type inspected struct {
	*memory.Queue

	stats capability.QueueStats
	err   error
}

func (c *inspected) InspectQueue(ctx context.Context) (capability.QueueStats, error) {
	if c.err != nil {
		<-ctx.Done() // it hangs as long as it may
		return capability.QueueStats{}, c.err
	}
	return c.stats, nil
}

func (*inspected) PeekTransactions(context.Context, capability.QueueState, int) ([]ergon.Transaction, error) {
	return nil, nil
}

// inQueue calls during while a task runs on a queue.
func inQueue(t *testing.T, queue *inspected, during func(*instruments)) *instruments {
	t.Helper()
	r := newWorks(&works{})
	got := r.instrument()
	r.Queue = memory.New(memory.Settings{})
	queue.Queue, r.Source = r.Queue, queue
	r.Policy.Loop.Streaming = true
	ctx, cancel := context.WithCancelCause(t.Context())
	r.start(ctx, t)
	synctest.Wait()
	during(got)
	cancel(ergon.ErrInterrupted)
	if err := r.wait(); !errors.Is(err, ergon.ErrInterrupted) {
		t.Fatalf("got %v, want the cause of the end", err)
	}
	return got
}

func onlyQueue(all map[string]otelrecord.Metric) map[string]otelrecord.Metric {
	maps.DeleteFunc(all, func(name string, _ otelrecord.Metric) bool { return !strings.HasPrefix(name, "ergon.queue.") })
	return all
}

// [O1] What waits in a queue is a metric, by which more workers can be started.
func TestQueueIsCountedWhileATaskRunsOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stats := capability.QueueStats{
			Ready: 7, Delayed: 3, Claimed: 2, Settled: 90, OldestReadyAt: time.Now().Add(-90*time.Second - time.Millisecond),
		}
		got := inQueue(t, &inspected{stats: stats}, func(i *instruments) {
			wantGolden(t, "queue_metrics", renderMetrics(t, onlyQueue(i.collect(t))))
		})
		if after := onlyQueue(got.collect(t)); len(after) > 0 {
			t.Errorf("the task has ended, but there still is %v", after)
		}
	})
}

func TestQueueThatCannotBeCountedTakesNoOtherMetricAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inQueue(t, &inspected{err: errScripted}, func(i *instruments) {
			start := time.Now()
			metrics, err := i.meters.Collect(t.Context())
			if !errors.Is(err, errScripted) {
				t.Errorf("got %v, want why it cannot be counted", err)
			}
			if took := time.Since(start); took != 2*time.Second {
				t.Errorf("it took %s, want the 2s that a queue has", took)
			}
			if len(metrics) < 4 {
				t.Errorf("got %v, want the other gauges", metrics)
			}
		})
	})
}
