package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/panics"
	"github.com/ergon-go/ergon/internal/spans"
)

// inspectTimeout is the longest that metrics wait for a queue to be counted.
const inspectTimeout = 2 * time.Second

// observeQueue registers gauges that count the source when metrics are collected; nil if the source cannot be inspected. All workers on
// a queue report the same.
func observeQueue(s Settings, meter metric.Meter) (metric.Registration, error) {
	queue, ok := capability.As[capability.Inspector](s.Source)
	if !ok {
		return nil, nil //nolint:nilnil // nothing to observe is no error
	}
	count, err := gaugeOf(meter, spans.QueueTransactions)
	if err != nil {
		return nil, err
	}
	age, err := gaugeOf(meter, spans.QueueOldestAge)
	if err != nil {
		return nil, err
	}
	of := []attribute.KeyValue{spans.Task.String(s.Task), spans.MessagingSource.String(s.Policy.Fetch.Connector)}
	registered, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
		defer cancel()
		stats, err := inspect(ctx, queue)
		if err != nil {
			return fmt.Errorf("count the queue of task %q: %w", s.Task, err)
		}
		for state, n := range map[capability.QueueState]int64{
			capability.StateReady: stats.Ready, capability.StateDelayed: stats.Delayed, capability.StateClaimed: stats.Claimed,
		} {
			o.ObserveInt64(count, n, metric.WithAttributes(append(slices.Clip(of), spans.State.String(string(state)))...))
		}
		oldest := int64(0)
		if !stats.OldestReadyAt.IsZero() {
			oldest = max(int64(time.Since(stats.OldestReadyAt)/time.Second), 0)
		}
		o.ObserveInt64(age, oldest, metric.WithAttributes(of...))
		return nil
	}, count, age)
	if err != nil {
		return nil, fmt.Errorf("observe the queue: %w", err)
	}
	return registered, nil
}

// inspect runs on the goroutine of a metric reader. A panic of the connector must not end that [F1].
func inspect(ctx context.Context, queue capability.Inspector) (stats capability.QueueStats, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panics.Of("InspectQueue", p, nil)
		}
	}()
	return queue.InspectQueue(ctx) //nolint:wrapcheck // the caller does
}
