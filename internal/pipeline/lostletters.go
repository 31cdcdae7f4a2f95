package pipeline

import (
	"time"

	"github.com/ergon-go/ergon/policy"
)

// lostLetters decides what becomes of transactions whose dead letters are not written: they are requeued, never dropped [S2]. Safe for
// concurrent use.
type lostLetters struct {
	delay      time.Duration // policy: settle.requeue_delay
	canRequeue bool          // the source can requeue
	floor      bool          // the source remembers only up to where everything is settled
	clock      clock
	unwritten  *unwritten
	failures   *failures
	watcher    *watcher
	stop       func(error) // stops fetching
}

// requeue changes the verdicts. If others of the batch are written, or the store says that trying again is pointless, each transaction
// is at fault itself, and is delivered again after a delay that grows. Otherwise the store is at fault, and requeue returns its error.
func (l *lostLetters) requeue(lost failedFlights, others bool) error {
	var outage error
	now := l.clock.Now()
	for i, f := range lost.flights {
		v := verdict{outcome: Requeued, action: policy.SettleRequeue, delay: l.delay}
		v.reported = f.verdict.reported
		switch err := lost.errs[i]; {
		case !l.canRequeue: // it is lost to this run, which fails for it below
			outage = lost.err
		case others || refused(err):
			v.delay = l.unwritten.refuse(f.tx.ID(), err, now)
			if l.floor { // otherwise everything after f would be done again
				l.stop(unwrittenError(1, f.tx.ID(), err))
			}
		default:
			l.unwritten.fail(f.tx.ID(), err, now.After(v.delay))
			outage = lost.err
		}
		f.verdict = v
	}
	l.watcher.log.notDeadLettered(lost.summary())
	if !l.canRequeue {
		l.failures.unsettled(lost)
	}
	return outage
}
