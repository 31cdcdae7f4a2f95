package crashrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Phase is one kind of harm, done to a setup of its own.
type Phase struct {
	Name string
	run  func(*attempt, context.Context) error
}

// attempt is a phase that is in progress.
type attempt struct {
	setup  Setup
	plan   Plan
	chance *rand.Rand
	done   string // what was done, to be told
}

// Run does the harm, lets everything come to its end and verifies it. It tells out what was done, also where that failed.
func (p Phase) Run(ctx context.Context, plan Plan, folder string, out io.Writer) error {
	began := time.Now()
	a := &attempt{
		plan: plan, chance: rand.New(rand.NewPCG(plan.Seed, uint64(len(p.Name)))),
		setup: Setup{Folder: folder, Durability: plan.Durability, Lease: 2 * time.Second, Grace: 10 * time.Second},
	}
	err := p.run(a, ctx)
	took := time.Since(began).Round(time.Second / 10)
	_, told := fmt.Fprintf(out, "%s: %s (%s)\n", p.Name, a.done, took)
	err = errors.Join(err, told)
	if err != nil {
		return fmt.Errorf("%s, -seed %d: %w; the files are in %s", p.Name, plan.Seed, err, folder)
	}
	return nil
}

// between is a time from one to the other.
func (a *attempt) between(least, most time.Duration) time.Duration {
	return least + time.Duration(a.chance.Int64N(int64(most-least)))
}

// finish runs the setup to its end without any fault, and verifies it.
func (a *attempt) finish(ctx context.Context, l *victimRun, exact bool) (Tally, error) {
	v, err := a.setup.look(ctx)
	if err != nil {
		return Tally{}, err
	}
	err = a.untilFinished(ctx, l, v)
	if err := errors.Join(err, v.close(ctx)); err != nil {
		return Tally{}, errors.Join(err, l.kill(ctx))
	}
	if err := l.terminate(ctx); err != nil {
		return Tally{}, err
	}
	return a.setup.Verify(ctx, exact)
}

// untilFinished waits as long as there is progress.
func (a *attempt) untilFinished(ctx context.Context, l *victimRun, v view) error {
	for before := -1; ; {
		finished, err := v.finished(ctx)
		if err != nil || finished >= a.setup.Items {
			return err
		}
		if finished == before {
			return fmt.Errorf("stuck: %d of %d have come to their end, and no other within %s", finished, a.setup.Items, stuckAfter)
		}
		before = finished
		for n := 0; n < looks && finished == before; n++ {
			if err := l.survive(ctx, stuckAfter/looks); err != nil {
				return err
			}
			if finished, err = v.finished(ctx); err != nil {
				return err
			}
		}
	}
}

const (
	stuckAfter = 40 * time.Second // longer than a worker waits to be replaced, and than a lease
	looks      = 200
)

// accepted reports whether all has been ingested. It does not open the file: while one process has it open no other gets to
// repair what one that died has left.
func (a *attempt) accepted() (bool, error) {
	accepted, err := a.setup.ledger().read()
	return len(accepted) >= a.setup.Items, err
}
