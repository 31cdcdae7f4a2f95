package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/ask"
)

// This file is the end of a run [R1] [P4] [F4], in the order of PROTOCOL.md, part 4.

// minFlush is the minimum time that settlements get at the end of a run, and the time that everything else there gets; decision 0040.
const minFlush = time.Second

// maxLateFetch is how long a source may take to end a fetch that was cancelled: it is part of the contract of ergon.Fetcher [K8].
const maxLateFetch = 5 * time.Second

// maxFlush is the longest that spans, records and log lines may take to be written at the end of a run.
const maxFlush = 5 * time.Second

// ErrLeftBehind is returned by a loop that has ended without parts of it that hang in foreign code.
var ErrLeftBehind = errors.New("the loop has ended, but parts of it have not; they are left behind")

// runUntilEnd fetches and settles until nothing is left or the loop has to shut down. giveUp cancels settling, if even that takes too
// long.
func (c *Consumer) runUntilEnd(ctx context.Context, giveUp context.CancelCauseFunc) error {
	if ctx.Err() != nil {
		return ask.Error(context.Cause(ctx), nil)
	}
	if c.demand.listener != nil { // which is attached by now
		c.background.run(c.demand.run)
	}
	fetching, stop := context.WithCancelCause(c.values)
	defer stop(nil)
	c.stopFetching = stop
	f := &fetchRun{ctx: fetching, done: make(chan error, 1)}
	go func() { f.done <- c.fetchLoop.run(fetching) }()

	why := c.untilEnd(ctx, f)
	if why == nil {
		return f.why()
	}
	c.shutDown(why, f, giveUp)
	if ctx.Err() != nil {
		why = ask.Error(why, nil) // it is the caller's [F1]
	}
	return errors.Join(why, f.why())
}

// untilEnd waits for the natural end: nothing more is fetched, and everything is settled. Otherwise it returns why the loop has to shut
// down.
func (c *Consumer) untilEnd(ctx context.Context, f *fetchRun) (why error) {
	limit := c.settings.Policy.Loop.Timeout
	timeout := afterOrNever(limit)
	defer timeout.stop()
	for !f.ended || c.capacity.unsettled.Load() > 0 {
		select {
		case err := <-f.done:
			f.end(err)
		case <-c.capacity.drained:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timeout.c:
			return fmt.Errorf("%w of %s", ergon.ErrLoopTimeout, limit)
		}
	}
	return nil
}

// fetchRun is the goroutine of the fetch loop, as the goroutine of Run sees it.
type fetchRun struct {
	ctx   context.Context //nolint:containedctx // ends when fetching is stopped
	done  chan error
	ended bool
	err   error // once it has ended
}

func (f *fetchRun) end(err error) { f.ended, f.err = true, err }

// why is why fetching ended, if that is not its natural end.
func (f *fetchRun) why() error {
	cause := context.Cause(f.ctx)
	if f.err == nil && (errors.Is(cause, ErrHeadroom) || errors.Is(cause, ErrUnsettled) || errors.Is(cause, ErrUnwritten)) {
		return cause
	}
	return f.err
}

// waitOrAbandon waits for fetching, which is stopped. A fetch that ignores its context is abandoned.
func (f *fetchRun) waitOrAbandon() {
	if f.ended {
		return
	}
	timer := time.NewTimer(minFlush)
	defer timer.Stop()
	select {
	case err := <-f.done:
		f.end(err)
	case <-timer.C:
		f.end(fmt.Errorf("%w: fetching", ErrLeftBehind))
	}
}

// shutDown ends what runs, in steps that wait less and less for it. giveUp cancels settling.
func (c *Consumer) shutDown(why error, f *fetchRun, giveUp context.CancelCauseFunc) {
	c.stopFetching(ergon.ErrInterrupted)
	late := c.clock.Now().After(min(maxLateFetch, c.settings.Shutdown.Grace))
	c.demand.stop()
	close(c.shutdown.started)
	c.hybrid.stop()
	f.waitOrAbandon()
	if c.endHandlers(why, giveUp) { // late fetches requeue what they bring, meanwhile and now
		c.fetchLoop.source.wait(max(time.Duration(late-c.clock.Now()), minFlush), c.settings.Force)
	}
}

// endHandlers requeues what no handler has begun, and ends those that run. It reports whether they ended before they had to be
// abandoned.
func (c *Consumer) endHandlers(why error, giveUp context.CancelCauseFunc) (inTime bool) {
	grace, force := c.settings.Shutdown.Grace, c.settings.Shutdown.Force
	c.releaseWaiting()
	c.settler.settleNow()
	if c.capacity.waitDrained(grace, c.settings.Force) {
		return true
	}
	c.takeover.interrupt(why)
	if c.capacity.waitDrained(force, c.settings.Force) {
		return true
	}
	c.takeover.abandon()
	c.settler.settleNow()
	if !c.capacity.waitDrained(max(force, minFlush), nil) {
		giveUp(ergon.ErrInterrupted)
	}
	return false
}

// releaseWaiting ends what no worker has begun.
func (c *Consumer) releaseWaiting() {
	c.finisher.release(c.waiting.close())
	c.finisher.release(c.outage.close())
	c.finisher.release(c.pool.takeWaiting())
	c.finisher.release(c.order.takeHeld())
}

// leave ends whatever serves the loop, waits for that, and names what does not end in time [F4]. Nothing is left to settle, or
// stopBackground has been called.
func (c *Consumer) leave(stopBackground func()) error {
	close(c.settler.closing)
	settling, leases, workers := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		<-c.settler.done
		close(settling)
		stopBackground()
		c.background.helpers.Wait()
		close(leases)
		c.pool.close()
		c.pool.workers.Wait()
		close(workers)
	}()
	timer := time.NewTimer(c.endTimeout())
	defer timer.Stop()
	select {
	case <-workers:
		return nil
	case <-timer.C:
	}
	stopBackground()
	c.pool.close()
	return notEnded([]loopPart{{"settling", settling}, {"leases and demand", leases}, {"workers", workers}})
}

// endTimeout is how long what serves the loop has to end: minFlush, and more if handlers that were given up may compute. The runtime
// gives each of them its turn before a goroutine of the loop, and several of those end one after another.
func (c *Consumer) endTimeout() time.Duration {
	const timeSlice, turns = 10 * time.Millisecond, 4
	return minFlush + time.Duration(c.headroom.used())*turns*timeSlice/time.Duration(runtime.GOMAXPROCS(0))
}

// loopPart is a part of the loop with goroutines of its own.
type loopPart struct {
	name  string
	ended chan struct{} // closed when they have ended
}

// notEnded names the parts that have not ended; nil for none.
func notEnded(parts []loopPart) error {
	var left []string
	for _, part := range parts {
		select {
		case <-part.ended:
		default:
			left = append(left, part.name)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrLeftBehind, strings.Join(left, ", "))
}
