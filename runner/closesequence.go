package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

// closeSequence makes the calls that close a worker run, one after the other. Each has a fair share of the time that is left,
// so one that hangs leaves time for the others.
type closeSequence struct {
	ctx  context.Context //nolint:containedctx // lives as long as the function that made it
	left int             // calls still to come
	errs []error
}

// call calls fn and reports whether it succeeded. what is what fn does, for its error.
func (s *closeSequence) call(what string, fn func(context.Context) error) bool {
	deadline, _ := s.ctx.Deadline()
	ctx, cancel := context.WithTimeoutCause(s.ctx, time.Until(deadline)/time.Duration(max(s.left, 1)), errClosingTime)
	defer cancel()
	s.left--
	err := call(ctx, returnTime, fn, nil)
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("%s: %w", what, err))
	}
	return err == nil
}

// close calls Exit of a task whose loop has run, flushes the coalescers, finishes the connectors if the end was natural, and
// closes everything in the reverse order of opening. If Exit or a flush fails, nothing is finished: the task may have had more
// to send.
func (r *workerRun) close(ctx context.Context, natural bool) error {
	ctx, cancel := r.worker.shutdown.closing(r.worker.scoped(ctx), r.worker.cfg.Shutdown)
	defer cancel()
	s := &closeSequence{ctx: ctx, left: r.closeCalls(natural)}
	if known := r.worker.known; known != nil { // what the task dispatches in Exit
		s.ctx = capability.WithDispatchReport(ctx, known.Hear)
	}
	if r.ran && r.task.Exit != nil {
		s.call("exit of the task", r.task.Exit)
	}
	for _, name := range slices.Sorted(maps.Keys(r.coalescers)) {
		if c := r.coalescers[name]; !c.Idle() {
			s.call(fmt.Sprintf("flush what was dispatched to connector %q", name), c.Flush)
		}
	}
	if natural && len(s.errs) == 0 {
		r.finish(s)
	}
	for _, c := range slices.Backward(r.components) {
		if closer, ok := c.value.(ergon.Closer); ok && c.mustClose {
			s.call("close "+c.String(), closer.Close)
		}
	}
	for _, err := range s.errs {
		r.worker.logCrash(ctx, err)
	}
	return errors.Join(s.errs...)
}

// closeCalls is how many calls close makes, at most one more.
func (r *workerRun) closeCalls(natural bool) int {
	n := 1
	for _, c := range r.components {
		if _, ok := c.value.(ergon.Closer); ok && c.mustClose {
			n++
		}
		if _, ok := capability.As[capability.Finisher](c.value); ok && natural && c.kind == connector {
			n++
		}
	}
	return n
}

// finish finishes the source first, and the other connectors only if that succeeded. A finished source forgets its position. If
// a sink were finished first and the program killed before the source is, the next run would begin at the end of the source,
// write nothing, and replace the result by an empty one. In this order the next run does some or all of the work again. If one
// sink fails, the others are finished all the same.
func (r *workerRun) finish(s *closeSequence) {
	source := r.worker.cfg.Consumer.Fetch.Connector
	for _, c := range r.components {
		if f, ok := capability.As[capability.Finisher](c.value); ok && c.kind == connector && c.name == source {
			if !s.call("finish "+c.String(), f.Finish) {
				return
			}
		}
	}
	for _, c := range r.components {
		if f, ok := capability.As[capability.Finisher](c.value); ok && c.kind == connector && c.name != source {
			s.call("finish "+c.String(), f.Finish)
		}
	}
}
