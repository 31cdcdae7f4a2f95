package pipeline

import (
	"github.com/failsafe-go/failsafe-go/adaptivelimiter"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// concurrencyLimiter adapts the pool's limit between the policy's bounds, by the latency of transactions and by their timeouts. Nil is a
// fixed concurrency.
type concurrencyLimiter struct {
	pool    *pool
	limiter adaptivelimiter.AdaptiveLimiter[any]
}

func newConcurrencyLimiter(p policy.Concurrency, pool *pool) *concurrencyLimiter {
	if !p.Adapts() {
		return nil
	}
	limiter := adaptivelimiter.NewBuilder[any]().
		WithLimits(uint(p.Min), uint(p.Max), uint(p.Value)).
		Build()
	return &concurrencyLimiter{pool: pool, limiter: limiter}
}

func (g *concurrencyLimiter) begin(f *flight) {
	if g == nil {
		return
	}
	if permit, ok := g.limiter.TryAcquirePermit(); ok {
		f.needExtras().permit = permit
	}
}

// end measures the latency of a transaction. One that was cut short or refused does not count: it does not depend on the load.
func (g *concurrencyLimiter) end(f *flight) {
	if g == nil || f.extras == nil || f.extras.permit == nil {
		return
	}
	if f.state.Outcome == lifecycle.Succeeded || timedOut(f) {
		f.extras.permit.Record()
	} else {
		f.extras.permit.Drop()
	}
	g.pool.setLimit(g.limiter.(adaptivelimiter.Metrics).Limit()) //nolint:forcetypeassert // part of what Build returns
}

// drop forgets a transaction that gives up its slot before it has ended.
func (g *concurrencyLimiter) drop(f *flight) {
	if g != nil && f.extras != nil && f.extras.permit != nil {
		f.extras.permit.Drop()
		f.extras.permit = nil
	}
}

func timedOut(f *flight) bool {
	return f.failure != nil && f.failure.cause != nil && f.failure.cause.Category == ergon.CategoryTimeout
}
