package ergon

import (
	"context"
	"time"

	"github.com/ergon-go/ergon/internal/attempt"
	"github.com/ergon-go/ergon/internal/fence"
)

// callContext is the context of one call. What is derived from it knows the call by it, also where that outlives the call [T1].
type callContext struct {
	attempt.Call

	caller context.Context //nolint:containedctx // of whoever makes the call
}

var (
	_ context.Context = (*callContext)(nil)
	_ fence.Attempt   = (*callContext)(nil)
)

// Deadline implements context.Context.
func (c *callContext) Deadline() (time.Time, bool) { return c.Call.Deadline(c.caller) }

// Value answers with the context itself what attempt a context belongs to.
func (c *callContext) Value(key any) any {
	if key == any(fence.Key{}) {
		return c
	}
	return c.ValueFrom(c.caller, key)
}

// GivenUp reports whether the caller, or that of an attempt around this one, has gone on without the function.
func (c *callContext) GivenUp() bool {
	if c.Call.GivenUp() {
		return true
	}
	outer := fence.Of(c.caller)
	return outer != nil && outer.GivenUp()
}
