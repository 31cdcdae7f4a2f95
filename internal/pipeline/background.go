package pipeline

import (
	"context"
	"sync"
)

// background runs the goroutines that serve a loop besides fetching and running transactions. They outlive the fetch loop: ctx ends
// when everything is settled, or when even settling takes too long.
type background struct {
	ctx     context.Context //nolint:containedctx // set by begin
	helpers sync.WaitGroup
}

// begin is called once, before the first goroutine.
func (b *background) begin(ctx context.Context) { b.ctx = ctx }

// run runs f on a goroutine for which the end of the loop waits.
func (b *background) run(f func(ctx context.Context)) { b.helpers.Go(func() { f(b.ctx) }) }
