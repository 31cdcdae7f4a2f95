package pipeline

import (
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// verdict is what becomes of a transaction whose lifecycle has ended. The settler may change it: if a letter cannot be written, or a
// store refuses the outputs.
type verdict struct {
	outcome     Outcome
	action      policy.SettleAction
	delay       time.Duration // of a requeue
	dead        bool          // a dead letter is written before the source is settled [S2]
	skip        bool          // the source is not settled: the delivery is its own again, or it keeps none
	interrupted bool          // the requeue is the shutdown's, and does not count as a delivery
	reported    bool          // OnSettle has been called
}

// judge decides what becomes of a transaction, from the outcome of its lifecycle, its exception handler's disposition and the
// policy [S1]. It decides without side effects; only the outage may change while it is used.
type judge struct {
	settles       bool // false for a single transaction and for a producing loop, whose failures go to the caller
	takesBack     bool // the source can requeue
	letters       bool // dead letters have a connector
	sourceKeeps   bool // dead letters stay with the source, if takesBack
	onException   policy.OnException
	requeueDelay  time.Duration
	probeInterval time.Duration
	outage        *outage
}

func newJudge(s Settings, takesBack bool, o *outage) judge {
	loop := &s.Policy.Loop
	return judge{
		settles: !s.single && !s.produces, takesBack: takesBack, letters: s.DeadLetters != nil,
		sourceKeeps: loop.DeadLetter == policy.DeadLetterSource, onException: loop.OnException,
		requeueDelay: s.Policy.Settle.RequeueDelay, probeInterval: loop.Outage.ProbeInterval, outage: o,
	}
}

// of returns the verdict. why is not nil if the transaction failed.
func (j *judge) of(outcome lifecycle.Outcome, why *failure) verdict {
	switch outcome {
	case lifecycle.Failed:
		if !j.settles {
			return verdict{outcome: Failed, skip: true}
		}
		return j.failed(why)
	case lifecycle.HandlerFailed:
		return j.handlerFailed()
	case lifecycle.Released:
		return verdict{outcome: Interrupted, action: policy.SettleRequeue, interrupted: true}
	case lifecycle.Redelivered:
		return verdict{outcome: Redelivered, skip: true}
	case lifecycle.Succeeded, lifecycle.Pending:
	}
	return verdict{outcome: Succeeded, action: policy.SettleAck}
}

// failed follows the disposition. Without one, what fails in an outage is requeued, because it is not to blame; a business error is.
func (j *judge) failed(why *failure) verdict {
	d := why.disposition
	if d == (ergon.Disposition{}) {
		if j.outage.lasts() && why.cause.Category != ergon.CategoryBusiness {
			return j.requeue(j.probeInterval)
		}
		switch j.onException {
		case policy.OnExceptionDiscard:
			d = ergon.Discard()
		case policy.OnExceptionRequeue:
			d = ergon.Requeue(j.requeueDelay)
		case policy.OnExceptionDeadLetter:
			d = ergon.DeadLetter()
		}
	}
	switch d {
	case ergon.Discard():
		return verdict{outcome: Discarded, action: policy.SettleAck}
	case ergon.DeadLetter():
		return j.deadLetter(DeadLettered)
	default:
		return j.requeue(d.Delay())
	}
}

// handlerFailed dead-letters a transaction whose exception handler failed as well. If there is no place for dead letters because the
// policy discards what fails, these are discarded, too.
func (j *judge) handlerFailed() verdict {
	v := j.deadLetter(HandlerFailed)
	if v.outcome != HandlerFailed && j.onException == policy.OnExceptionDiscard {
		v = verdict{action: policy.SettleAck}
	}
	v.outcome = HandlerFailed
	return v
}

// requeue returns a transaction to its source. If the source cannot take it back, it is dead-lettered.
func (j *judge) requeue(delay time.Duration) verdict {
	if !j.takesBack && j.letters {
		return j.deadLetter(DeadLettered)
	}
	return verdict{outcome: Requeued, action: policy.SettleRequeue, delay: delay}
}

// deadLetter sends a transaction to the dead letters. If there is no place for them, it is requeued, never dropped.
func (j *judge) deadLetter(outcome Outcome) verdict {
	switch {
	case j.letters:
		return verdict{outcome: outcome, action: policy.SettleAck, dead: true}
	case j.sourceKeeps && j.takesBack:
		return verdict{outcome: outcome, action: policy.SettleReject}
	default:
		return verdict{outcome: Requeued, action: policy.SettleRequeue, delay: j.requeueDelay}
	}
}

// copyOf is a copy of why a transaction failed, for whoever reports it: its text is what was read.
func copyOf(cause *ergon.TransactionError) error {
	own := *cause
	return &own
}
