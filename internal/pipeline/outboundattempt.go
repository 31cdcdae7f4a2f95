package pipeline

import (
	"context"

	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/coalesce"
	"github.com/ergon-go/ergon/internal/fence"
)

// outboundAttempt is one attempt of a handler of an outbound transaction, and the context that the handler gets. RunFn decides when it is
// given up; owner says whether its handler returned before that.
type outboundAttempt struct {
	context.Context //nolint:containedctx // RunFn's, which ends with the attempt

	collector collector
	number    int // counted from 1
	owner     attempt.Owner
	began     instant
}

// Value answers the collector and, for [fence.Of], the attempt.
func (a *outboundAttempt) Value(key any) any {
	if key == any(coalesce.CollectorKey{}) {
		return &a.collector
	}
	if key == any(fence.Key{}) {
		return a
	}
	return a.Context.Value(key)
}

// GivenUp reports whether it, or the attempt that it is a part of, was given up [T1].
func (a *outboundAttempt) GivenUp() bool {
	if a.owner.GivenUp() {
		return true
	}
	around := fence.Of(a.Context)
	return around != nil && around.GivenUp()
}
