package crashrun

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Drains ends the pipeline by SIGTERM at random moments, with too little time for what is in flight: that is requeued as
// if it had never been delivered.
func Drains() Phase { return Phase{"drains", (*attempt).drains} }

func (a *attempt) drains(ctx context.Context) error {
	const each = 50 // transactions for each drain
	s := &a.setup
	s.Items, s.Processes, s.MaxDeliveries = max(each*a.plan.Drains, 100), 2, 5
	s.SlowEvery, s.Pause, s.Grace = 3, 300*time.Millisecond, 20*time.Millisecond
	s.Lease = time.Minute // none runs out
	s.Rate = each / 0.4
	interrupted, idle := int64(0), 0
	for range a.plan.Drains {
		l, err := s.start(ctx)
		if err != nil {
			return err
		}
		err = await(ctx, l.running, "the victim did not come to run")
		if err == nil {
			err = l.survive(ctx, a.between(50*time.Millisecond, 500*time.Millisecond))
		}
		if err != nil {
			return errors.Join(err, l.kill(ctx))
		}
		if err := l.terminate(ctx); err != nil {
			return err
		}
		if n := l.report().Interrupted; n > 0 {
			interrupted += n
		} else {
			idle++
		}
		if err := a.uncounted(ctx); err != nil {
			return err
		}
	}
	l, err := s.start(ctx)
	if err != nil {
		return err
	}
	t, err := a.finish(ctx, l, true)
	a.done = fmt.Sprintf("%d drains interrupted %d (%d drains none), %d accepted, %d effects, %d dead letters, "+
		"%d with a delivery too many",
		a.plan.Drains, interrupted, idle, t.Accepted, t.Effects, t.Dead, t.Redelivered)
	if err == nil && idle > a.plan.Drains/2 {
		err = fmt.Errorf("%d of %d drains had nothing to interrupt; give them more to do", idle, a.plan.Drains)
	}
	return err
}

// uncounted returns nil where nothing is claimed and no delivery is counted that came to no end.
func (a *attempt) uncounted(ctx context.Context) (err error) {
	v, err := a.setup.look(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close(ctx)) }()
	for _, queue := range []string{"in", "out"} {
		waiting, err := v.waiting(ctx, queue)
		if err != nil {
			return err
		}
		for _, tx := range waiting {
			most := 0
			if n, err := numberOf(tx.ID()); queue == "in" && err == nil && triedTwice(n) {
				most = 1
			}
			if got := tx.Delivery().Count; got > most {
				return fmt.Errorf("queue %s: transaction %s waits with %d deliveries counted, want %d at most: it was interrupted",
					queue, tx.ID(), got, most)
			}
		}
	}
	return nil
}
