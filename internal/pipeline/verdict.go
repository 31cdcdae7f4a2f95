package pipeline

import (
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/lifecycle"
	"github.com/ergon-go/ergon/policy"
)

// verdict is what becomes of a transaction whose lifecycle has ended.
type verdict struct {
	outcome     Outcome
	action      policy.SettleAction
	delay       time.Duration
	dead        bool // is written to the dead-letter connector before the source hears of it
	skip        bool // the source is not told: the delivery is not ours any more
	interrupted bool
	said        bool // OnSettle was told of it
}

// copyOf is a copy of why a transaction failed, for whoever reports it: its text is what was read.
func copyOf(cause *ergon.TransactionError) error {
	own := *cause
	return &own
}

// judge decides from the outcome, the exception handler's disposition and the policy.
func (c *Consumer) judge(f *flight) verdict {
	switch f.state.Outcome {
	case lifecycle.Failed:
		if c.settings.single || c.settings.produces {
			return verdict{outcome: Failed, skip: true}
		}
		f.failure.at = time.Now()
		return c.judgeFailed(f)
	case lifecycle.HandlerFailed:
		f.failure.at = time.Now()
		return c.judgeHandlerFailed()
	case lifecycle.Released:
		return verdict{outcome: Interrupted, action: policy.SettleRequeue, interrupted: true}
	case lifecycle.Redelivered:
		return verdict{outcome: Redelivered, skip: true}
	case lifecycle.Succeeded, lifecycle.Pending:
	}
	return verdict{outcome: Succeeded, action: policy.SettleAck}
}

// judgeHandlerFailed dead-letters; only where the policy has no place for dead letters, because it wants none, its wish
// for failed transactions holds for these as well.
func (c *Consumer) judgeHandlerFailed() verdict {
	v := c.deadLetter(HandlerFailed)
	if v.outcome != HandlerFailed && c.settings.Policy.Loop.OnException == policy.OnExceptionDiscard {
		v = verdict{action: policy.SettleAck}
	}
	v.outcome = HandlerFailed
	return v
}

func (c *Consumer) judgeFailed(f *flight) verdict {
	d := f.failure.disposition
	if d == (ergon.Disposition{}) {
		if c.outage.lasts() && f.failure.cause.Category != ergon.CategoryBusiness {
			return c.requeue(c.settings.Policy.Loop.Outage.ProbeInterval)
		}
		switch c.settings.Policy.Loop.OnException {
		case policy.OnExceptionDiscard:
			d = ergon.Discard
		case policy.OnExceptionRequeue:
			d = ergon.Requeue(c.settings.Policy.Settle.RequeueDelay)
		case policy.OnExceptionDeadLetter:
			d = ergon.DeadLetter
		}
	}
	switch d {
	case ergon.Discard:
		return verdict{outcome: Discarded, action: policy.SettleAck}
	case ergon.DeadLetter:
		return c.deadLetter(DeadLettered)
	default:
		return c.requeue(d.Delay())
	}
}

// requeue gives a transaction back; one whose source takes nothing back is dead-lettered instead.
func (c *Consumer) requeue(delay time.Duration) verdict {
	if c.settler.source == nil && c.settings.DeadLetters != nil {
		return c.deadLetter(DeadLettered)
	}
	return verdict{outcome: Requeued, action: policy.SettleRequeue, delay: delay}
}

// deadLetter sends a transaction to where dead letters go; where there is no such place it is never dropped, but requeued.
func (c *Consumer) deadLetter(outcome Outcome) verdict {
	switch {
	case c.settings.DeadLetters != nil:
		return verdict{outcome: outcome, action: policy.SettleAck, dead: true}
	case c.settings.Policy.Loop.DeadLetter == policy.DeadLetterSource && c.settler.source != nil:
		return verdict{outcome: outcome, action: policy.SettleReject}
	default:
		return verdict{outcome: Requeued, action: policy.SettleRequeue, delay: c.settings.Policy.Settle.RequeueDelay}
	}
}
