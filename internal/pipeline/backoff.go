package pipeline

import (
	"fmt"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// longestInSlot is the longest backoff that keeps its slot: giving it up and getting another costs a hand-over between
// goroutines, and a place in the line. Decision 0055.
const longestInSlot = time.Second

// backoffs waits between two attempts of a transaction: a short time on its worker, a long one in the waiting room.
type backoffs struct {
	plan     *plan
	clock    clock
	stats    *loopStats
	capacity *capacity
	stall    *stallDetector
	limiter  *concurrencyLimiter
	outage   *outage
	waiting  *waitingRoom
	shutdown *shutdown
	inPlace  bool // the source takes nothing back
}

// wait waits before the attempt that f's state names. OK means that it may start. A long backoff is waited out outside of the pool: then f
// is not its worker's any more.
func (b *backoffs) wait(f *flight) (event lifecycle.Event, beside bool) {
	d := b.plan.backoff(f)
	if f.state.Phase != lifecycle.Exception && f.deadline != 0 && b.clock.Now().After(d) >= f.deadline {
		f.failed(fmt.Errorf("%w of %s leaves no room for another attempt after a backoff of %s: %w",
			ergon.ErrTransactionTimeout, b.plan.total, d, f.failure.last))
		return lifecycle.OutOfTime, false
	}
	if d > longestInSlot {
		return b.waitWithoutSlot(f, d)
	}
	if d > 0 {
		b.stall.excuse(d)
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-b.shutdown.started:
			return lifecycle.Interrupted, false
		}
	}
	if f.lost.Load() {
		return lifecycle.LeaseLost, false
	}
	b.stats.shards[0].retries.Add(1)
	return lifecycle.OK, false
}

// waitWithoutSlot lets f wait for its next attempt without a slot, and reports whether it does.
func (b *backoffs) waitWithoutSlot(f *flight, d time.Duration) (event lifecycle.Event, waits bool) {
	if b.outage.refuses(f) && !b.inPlace {
		return lifecycle.Interrupted, false
	}
	b.limiter.drop(f)
	if event, waits = b.waiting.enter(f, b.clock.Now().After(d)); waits {
		b.capacity.notify()
	}
	return event, waits
}
