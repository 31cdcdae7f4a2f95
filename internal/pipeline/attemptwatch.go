package pipeline

import (
	"time"

	"github.com/ergon-go/ergon/internal/lifecycle"
)

// attemptWatch counts, records and reports what the attempts of handlers come to. [outboundWatch] does it for outbound transactions.
type attemptWatch struct {
	clock      clock
	stats      *loopStats
	watcher    *watcher
	headroom   *headroom
	stuckCheck *stuckCheck
	recorder   *recorder // nil: nothing is recorded
}

// attempted counts and records the end of an attempt.
func (o *attemptWatch) attempted(s *shard, f *flight, a *handlerAttempt, event lifecycle.Event, err error, now instant) {
	if a.mark().phase() != lifecycle.Prepare { // whose attempts are those of each outbound transaction
		s.phases[a.mark().phase()].observe(now - f.started)
	}
	if event != lifecycle.OK {
		f.failed(err)
		if event == lifecycle.Timeout || event == lifecycle.OutOfTime {
			s.timeouts.Add(1)
		}
	}
	if o.recorder != nil && o.recorder.wants(f, event) {
		o.recorder.attempt(f, a.mark(), event, err, now)
	}
}

// givenUp counts an attempt whose handler has not returned against the headroom, and warns if that has not returned after patience [T2].
func (o *attemptWatch) givenUp(a *handlerAttempt) {
	o.headroom.giveUp()
	o.stuckCheck.later(func() {
		if !a.ReturnedLate() {
			o.watcher.log.stuck(a, o.headroom.used())
		}
	})
}

// late counts what a handler returned after its attempt was given up, and discards it [T1].
func (o *attemptWatch) late(a *handlerAttempt, err error) {
	a.ReturnLate()
	o.headroom.returned()
	if a.mark().phase() == lifecycle.Prepare { // whose handlers are counted each by itself
		return
	}
	o.stats.late.Add(1)
	o.watcher.late(a, time.Duration(o.clock.Now()-a.Until), err)
}
