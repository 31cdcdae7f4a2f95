package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// deliveriesOf makes the table of deliveries, if the source needs one: it is an Attacher, or settles in order.
func deliveriesOf(s *Settings, inOrder bool, room *capacity) (*deliveries, error) {
	_, attaches := capability.As[capability.Attacher](s.Source)
	if s.single || !attaches && !inOrder {
		return nil, nil //nolint:nilnil // there is none
	}
	_, settles := capability.As[capability.Settler](s.Source)
	_, leased := capability.As[capability.LeaseKeeper](s.Source)
	switch {
	case inOrder && !settles:
		return nil, fmt.Errorf("connector %q declares that it settles in order, but it is no capability.Settler", s.Policy.Fetch.Connector)
	case inOrder && leased:
		return nil, fmt.Errorf("connector %q declares that it settles in order, and it has leases; it can have one of both",
			s.Policy.Fetch.Connector)
	}
	return newDeliveries(inOrder, s.Policy.Loop.MaxUnsettled, room), nil
}

// attachment attaches a source to the loop, if it wants that.
type attachment struct {
	source    capability.Attacher // nil: it does not want it
	connector string              // its name
	once      policy.Retry        // of the attempt: as long as one to fetch
	handle    handle
}

func attachmentOf(s *Settings, h handle) attachment {
	a := attachment{
		connector: s.Policy.Fetch.Connector, once: policy.Retry{MaxAttempts: 1, Timeout: s.Policy.Fetch.Retry.Timeout}, handle: h,
	}
	if !s.single {
		a.source, _ = capability.As[capability.Attacher](s.Source)
	}
	return a
}

// errNotAttached says that nothing was ever fetched from a source.
var errNotAttached = errors.New("the source did not attach")

// begin attaches the source in a context with values, unless ctx has ended. detach ends that: nothing more is settled.
func (a *attachment) begin(ctx, values context.Context) (detach func(), err error) {
	if a.source == nil || ctx.Err() != nil {
		return a.handle.table.close, nil //nolint:nilerr // the loop ends for that by itself
	}
	attached, cancel := context.WithCancelCause(values)
	detach = func() {
		a.handle.table.close()
		cancel(nil)
	}
	_, err = ergon.RunFn(ctx, a.once, func(context.Context) (struct{}, error) {
		return struct{}{}, a.source.Attach(attached, a.handle)
	})
	if err != nil {
		cancel(err)
		err = &FetchError{Connector: a.connector, Err: errors.Join(errNotAttached, err)}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return detach, err
}
