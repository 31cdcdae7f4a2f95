package crashrun

import (
	"context"
	"fmt"
	"time"
)

// Poison has one transaction kill whatever process works on it. It becomes a dead letter, and takes no other along.
func Poison() Phase { return Phase{"poison", (*attempt).poison} }

func (a *attempt) poison(ctx context.Context) error {
	s := &a.setup
	s.Items, s.Processes, s.MaxDeliveries, s.Poison, s.Lease = 300, 2, 3, 100, 2*time.Second
	l, err := s.start(ctx)
	if err != nil {
		return err
	}
	t, err := a.finish(ctx, l, false)
	a.done = fmt.Sprintf("%d accepted, %d effects, %d dead letters, the deadly one among them", t.Accepted, t.Effects, t.Dead)
	return err
}
