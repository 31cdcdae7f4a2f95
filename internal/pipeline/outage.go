package pipeline

import (
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// outage is the circuit of a loop: closed while transactions come through, open when too many in a row failed for reasons
// that are not their own, half-open while one is tried. Nil is a loop without outage mode.
type outage struct {
	breaker circuitbreaker.CircuitBreaker[any]
}

func newOutage(p policy.Outage, changed func(lasts bool)) *outage {
	if p.After == 0 {
		return nil
	}
	breaker := circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(uint(p.After)).
		WithDelay(p.ProbeInterval).
		WithSuccessThreshold(1).
		OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
			switch {
			case e.NewState == circuitbreaker.ClosedState:
				changed(false)
			case e.OldState == circuitbreaker.ClosedState:
				changed(true)
			}
		}).
		Build()
	return &outage{breaker: breaker}
}

// lasts reports whether the loop is in outage mode.
func (o *outage) lasts() bool { return o != nil && !o.breaker.IsClosed() }

// pause returns how long to wait before the next probe; 0: one may be fetched, if none is in flight.
func (o *outage) pause() time.Duration {
	if o.breaker.IsOpen() && !o.breaker.TryAcquirePermit() {
		return max(o.breaker.RemainingDelay(), time.Millisecond)
	}
	return 0
}

// record counts what became of a transaction. A business failure came through as well.
func (o *outage) record(f *flight) {
	if o == nil {
		return
	}
	switch f.state.Outcome {
	case lifecycle.Released, lifecycle.Redelivered, lifecycle.Pending:
	case lifecycle.Failed, lifecycle.HandlerFailed:
		if f.failure.cause.Category != ergon.CategoryBusiness {
			o.breaker.RecordFailure()
			return
		}
		o.breaker.RecordSuccess()
	case lifecycle.Succeeded:
		o.breaker.RecordSuccess()
	}
}
