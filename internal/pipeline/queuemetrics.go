package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/spans"
)

// inspectTimeout bounds how long metrics wait for a queue to be counted.
const inspectTimeout = 2 * time.Second

// observeQueue registers what is read of the source when metrics are collected, where it is a queue that can be looked into.
// All workers on a queue report the same.
func (m *metrics) observeQueue(c *Consumer, meter metric.Meter) error {
	queue, ok := c.settings.Source.(capability.Inspector)
	if !ok {
		return nil
	}
	gauges := [2]metric.Int64ObservableGauge{}
	for i, g := range []spans.Instrument{spans.QueueTransactions, spans.QueueOldestAge} {
		gauge, err := meter.Int64ObservableGauge(g.Name, metric.WithUnit(g.Unit), metric.WithDescription(g.Description))
		if err != nil {
			return fmt.Errorf("make metric %s: %w", g.Name, err)
		}
		gauges[i] = gauge
	}
	of := []attribute.KeyValue{spans.Task.String(c.settings.Task), spans.MessagingSource.String(c.settings.Policy.Fetch.Connector)}
	var err error
	m.queue, err = meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
		defer cancel()
		stats, err := queue.InspectQueue(ctx)
		if err != nil {
			return fmt.Errorf("count the queue of task %q: %w", c.settings.Task, err)
		}
		for state, n := range map[capability.QueueState]int64{
			capability.StateReady: stats.Ready, capability.StateDelayed: stats.Delayed, capability.StateClaimed: stats.Claimed,
		} {
			o.ObserveInt64(gauges[0], n, metric.WithAttributes(append(slices.Clip(of), spans.State.String(string(state)))...))
		}
		age := int64(0)
		if !stats.OldestReadyAt.IsZero() {
			age = max(int64(time.Since(stats.OldestReadyAt)/time.Second), 0)
		}
		o.ObserveInt64(gauges[1], age, metric.WithAttributes(of...))
		return nil
	}, gauges[0], gauges[1])
	if err != nil {
		return fmt.Errorf("observe the queue of task %q: %w", c.settings.Task, err)
	}
	return nil
}
