package telemetry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// FlushTimeout is the maximum time of [Providers.Shutdown], even if its context has no deadline.
const FlushTimeout = 5 * time.Second

// pipeline is what is between a provider and one exporter.
type pipeline struct {
	link     *link
	shutdown func(context.Context) error
}

// Shutdown delivers the remaining data and ends all exporters. All exporters work at the same time. Each of them has a limit of
// [FlushTimeout], or of one second if it could not deliver anything before. ctx is a further limit. The error reports the loss.
// Log records still go to the console and the file afterwards. A second call does nothing.
func (p *Providers) Shutdown(ctx context.Context) (err error) {
	p.shutdown.Do(func() {
		ctx, cancel := context.WithTimeoutCause(ctx, FlushTimeout, errCut)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- p.end(ctx) }()
		select {
		case err = <-done:
			return
		case <-ctx.Done():
		}
		timer := time.NewTimer(lastMoment)
		defer timer.Stop()
		select {
		case err = <-done:
		case <-timer.C:
			err = fmt.Errorf("%w; an exporter has not returned and is left behind", context.Cause(ctx))
		}
	})
	return err
}

// lastMoment is how long exporters have to return that their context has told to.
const lastMoment = 100 * time.Millisecond

// end ends everything. It hangs where an exporter does that does not respect ctx.
func (p *Providers) end(ctx context.Context) error {
	lost := make([]error, len(p.pipelines))
	var all sync.WaitGroup
	for i, one := range p.pipelines {
		all.Go(func() { lost[i] = one.end(ctx) })
	}
	all.Wait()
	errs := slices.Clone(lost)
	for _, closer := range slices.Backward(p.closers) {
		errs = append(errs, closer())
	}
	p.background.Wait()
	return errors.Join(errs...)
}

// end flushes. What is lost is said by the link, and only what it does not know by the SDK.
func (p pipeline) end(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() { p.hurry(cancel, done) })
	err := p.shutdown(ctx)
	close(done)
	watcher.Wait()
	p.link.close()
	if loss := p.link.loss(); loss != nil {
		return loss
	}
	if err != nil {
		return fmt.Errorf("%s to %s: %w", p.link.signal, p.link.to, err)
	}
	return nil
}

// hurry cancels after a while where there is no hope, or none any more.
func (p pipeline) hurry(cancel context.CancelCauseFunc, done <-chan struct{}) {
	tick := time.NewTicker(impatience)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if p.link.hopeless() {
				cancel(errCut)
				p.link.close()
			}
		}
	}
}
