package crashrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Tally is what a setup has come to.
type Tally struct {
	// Accepted is how many transactions the ledger has, Effects how many came out at the end, Dead how many became dead letters.
	Accepted, Effects, Dead int
	// Redelivered is the number of transactions that took more deliveries than without kills.
	Redelivered int
}

// Verify holds the file against the ledger, once all has come to its end: each transaction that was accepted has one effect
// or one dead letter, whichever is its own, and one mark on its way; nothing is left, nothing else is there. The error names
// everything that is wrong. Where exact is set no delivery was lost, so that none may have been counted but those that
// work asked for.
func (s Setup) Verify(ctx context.Context, exact bool) (t Tally, err error) {
	if err := s.intact(ctx); err != nil {
		return t, err
	}
	v, err := s.look(ctx)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, v.close(ctx)) }()
	accepted, err := s.ledger().read()
	if err != nil {
		return t, err
	}
	var c count
	c.add("accepted", len(accepted), s.Items)
	for _, queue := range []string{"in", "out"} {
		left, err := v.waiting(ctx, queue)
		if err != nil {
			return t, err
		}
		c.add("left in queue "+queue, len(left), 0)
	}
	t.Accepted = len(accepted)
	err = s.verifyEnds(ctx, v, accepted, &t, &c, exact)
	return t, errors.Join(err, c.err())
}

// verifyEnds counts what came out.
func (s Setup) verifyEnds(ctx context.Context, v view, accepted map[string]int, t *Tally, c *count, exact bool) error {
	dead, err := v.dead(ctx)
	if err != nil {
		return err
	}
	t.Dead = len(dead)
	c.each("dead letter", dead, accepted, s.dies)
	for _, queue := range []string{"trail", "effects"} {
		parcels, err := v.parcels(ctx, queue)
		if err != nil {
			return err
		}
		ids := make([]string, len(parcels))
		for i, p := range parcels {
			ids[i] = idOf(p.Number)
			want := 1
			if queue == "trail" && triedTwice(p.Number) { // the effect is of another delivery, of another queue
				want = 2
			}
			if p.Deliveries != want {
				t.Redelivered++
				if exact {
					c.wrongf("%s of %s: %d deliveries were counted, want %d", queue, ids[i], p.Deliveries, want)
				}
			}
		}
		if queue == "effects" {
			t.Effects = len(ids)
		}
		c.each(queue, ids, accepted, func(n int) bool { return !s.dies(n) })
	}
	return nil
}

// count collects what is wrong.
type count struct {
	faults []string
	more   int
}

const maxFaults = 20 // that are told

func (c *count) wrongf(format string, args ...any) {
	if len(c.faults) >= maxFaults {
		c.more++
		return
	}
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *count) add(what string, got, want int) {
	if got != want {
		c.wrongf("%s: %d, want %d", what, got, want)
	}
}

// each wants every id that was accepted and should be there once, and no other.
func (c *count) each(what string, ids []string, accepted map[string]int, should func(int) bool) {
	times := map[string]int{}
	for _, id := range ids {
		times[id]++
	}
	all := make([]string, 0, len(accepted)+len(times))
	for id := range accepted {
		all = append(all, id)
	}
	for id := range times {
		if accepted[id] == 0 {
			c.wrongf("%s of %s, which nobody was told is accepted", what, id)
		}
	}
	slices.Sort(all)
	for _, id := range all {
		want := 0
		n, err := numberOf(id)
		if err != nil {
			c.wrongf("%v", err)
		} else if should(n) {
			want = 1
		}
		if times[id] != want {
			c.wrongf("%s of %s: %d, want %d", what, id, times[id], want)
		}
	}
}

func (c *count) err() error {
	if len(c.faults) == 0 {
		return nil
	}
	errs := make([]error, 0, len(c.faults)+1)
	for _, fault := range c.faults {
		errs = append(errs, errors.New(fault))
	}
	if c.more > 0 {
		errs = append(errs, fmt.Errorf("and %d more", c.more))
	}
	return errors.Join(errs...)
}
