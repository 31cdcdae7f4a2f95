package pipeline

import (
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// verdict says how a transaction is settled after its lifecycle has ended. The flight's owner changes it; the last is the settler, if a
// letter cannot be written or a store refuses the outputs.
type verdict struct {
	outcome     Outcome
	action      policy.SettleAction
	delay       time.Duration // of a requeue
	dead        bool          // a dead letter is written before the source is settled [S2]
	written     bool          // it is
	skip        bool          // the source is not settled: it has taken the delivery back, or has no deliveries
	interrupted bool          // requeued by a shutdown: does not count as a delivery
	reported    bool          // OnSettle has been called
	again       bool          // the source settles in order, and has to be told again
}

// judge derives the verdict from the outcome of the lifecycle, the exception handler's disposition and the policy [S1]. It has no side
// effects and is safe for concurrent use.
type judge struct {
	settles       bool // false for a single transaction and for a producing loop: their failures are returned to the caller
	canRequeue    bool // the source can requeue
	letters       bool // there is a connector for dead letters
	canReject     bool // the source keeps dead letters itself, if canRequeue
	onException   policy.OnException
	requeueDelay  time.Duration
	probeInterval time.Duration
	outage        *outage
}

func newJudge(s Settings, canRequeue bool, o *outage) judge {
	loop := &s.Policy.Loop
	return judge{
		settles: !s.single && !s.produces, canRequeue: canRequeue, letters: s.DeadLetters != nil,
		canReject: loop.DeadLetter == policy.DeadLetterSource, onException: loop.OnException,
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

// failed follows the disposition. Without one, a failure during an outage is requeued, because the transaction did not cause it; a
// business error is not, because it did. The policy decides about the rest.
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

// handlerFailed dead-letters a transaction whose exception handler failed as well. It is discarded if the policy discards failures and
// therefore has no connector for dead letters.
func (j *judge) handlerFailed() verdict {
	v := j.deadLetter(HandlerFailed)
	if v.outcome != HandlerFailed && j.onException == policy.OnExceptionDiscard {
		v = verdict{action: policy.SettleAck}
	}
	v.outcome = HandlerFailed
	return v
}

// requeue dead-letters the transaction if the source cannot requeue.
func (j *judge) requeue(delay time.Duration) verdict {
	if !j.canRequeue && j.letters {
		return j.deadLetter(DeadLettered)
	}
	return verdict{outcome: Requeued, action: policy.SettleRequeue, delay: delay}
}

// deadLetter requeues the transaction if neither a connector nor the source keeps dead letters: a failure is never dropped.
func (j *judge) deadLetter(outcome Outcome) verdict {
	switch {
	case j.letters:
		return verdict{outcome: outcome, action: policy.SettleAck, dead: true}
	case j.canReject && j.canRequeue:
		return verdict{outcome: outcome, action: policy.SettleReject}
	default:
		return verdict{outcome: Requeued, action: policy.SettleRequeue, delay: j.requeueDelay}
	}
}

// copyOf copies the error of a failed transaction for code that is not ours, which may change what it gets [F3].
func copyOf(cause *ergon.TransactionError) error {
	own := *cause
	return &own
}
