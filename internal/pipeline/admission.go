package pipeline

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/ergon-go/ergon"
)

// admission makes flights of what a fetch brought, as far as the limit of the loop allows. Whoever holds fetchLock calls it.
type admission struct {
	quota         Quota // transactions that may still be started; nil: no limit
	memory        *flightMemory
	stats         *loopStats
	capacity      *capacity
	leases        *leases
	deliveries    *deliveries
	order         *order
	watcher       *watcher
	requeueUnused func([]ergon.Transaction) // requeues what is beyond the limit, without waiting for that
}

// spent reports whether nothing more may be started.
func (a *admission) spent() bool { return a.quota != nil && a.quota.Left() <= 0 }

// within is how many of n may be started.
func (a *admission) within(n int) int {
	if a.quota == nil {
		return n
	}
	return int(min(int64(n), a.quota.Left()))
}

// admit returns the flights that may run now, and how many were admitted: the others are held back by their ordering keys. What is
// beyond the limit is requeued and does not count as fetched. began is when the fetch did.
func (a *admission) admit(ctx context.Context, txs []ergon.Transaction, from trace.SpanContext, began instant) (ready []*flight, n int) {
	if a.quota != nil && len(txs) > 0 {
		if n := a.quota.Take(ctx, len(txs)); n < len(txs) {
			a.requeueUnused(txs[n:])
			txs = txs[:n]
		}
	}
	if len(txs) == 0 {
		return nil, 0
	}
	flights := a.count(txs)
	a.leases.hold(flights, began)
	a.watcher.fetched(len(flights))
	if a.watcher.spans.linksFetch(from) {
		for _, f := range flights {
			f.needExtras().fetched = &from
		}
	}
	return a.order.ready(flights), len(txs)
}

// count makes flights of transactions, which count as fetched.
func (a *admission) count(txs []ergon.Transaction) []*flight {
	flights := a.memory.newFlights(txs)
	a.deliveries.accept(flights)
	a.stats.fetched.Add(int64(len(txs)))
	a.capacity.unsettled.Add(int64(len(txs)))
	return flights
}
