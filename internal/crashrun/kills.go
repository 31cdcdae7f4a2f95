package crashrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Between two kills passes a time between these.
const (
	minUptime = 100 * time.Millisecond
	maxUptime = 900 * time.Millisecond
)

// maxKills is after how many times as many kills as are wanted a slow machine is left in peace.
const maxKills = 2

// Kills kills workers and the process that has started them, as kill -9 does, at random moments while transactions go
// through the pipeline.
func Kills() Phase { return Phase{"kills", (*attempt).kills} }

// killed counts what was killed: the victim with all its workers, and workers alone.
type killed struct{ victims, workers int }

func (k killed) all() int { return k.victims + k.workers }

func (a *attempt) kills(ctx context.Context) error {
	s := &a.setup
	s.Items, s.Processes, s.MaxDeliveries = a.plan.Items, 2, 0
	s.SlowEvery, s.Pause = 100, s.Lease*3/4
	// As slow as leaves time for all the kills, and a few more, however fast the machine is.
	s.Rate = 0.8 * float64(s.Items) / (float64(a.plan.Kills) * (minUptime + maxUptime).Seconds() / 2)
	l, err := s.start(ctx)
	if err != nil {
		return err
	}
	var k killed
	for {
		accepted, err := a.accepted()
		if err != nil || accepted || k.all() >= maxKills*a.plan.Kills {
			return a.killsEnd(ctx, l, k, err)
		}
		if a.chance.IntN(4) > 0 { // otherwise it may be killed before it has come to do anything
			if err := await(ctx, l.running, "the victim did not come to run"); err != nil {
				return a.killsEnd(ctx, l, k, err)
			}
		}
		if err := l.survive(ctx, a.between(minUptime, maxUptime)); err != nil {
			return a.killsEnd(ctx, l, k, err)
		}
		if l, err = a.killOne(ctx, l, &k); err != nil {
			return a.killsEnd(ctx, l, k, err)
		}
	}
}

// killOne kills the victim, which is then started again, or some of its workers, which it replaces itself.
func (a *attempt) killOne(ctx context.Context, l *victimRun, k *killed) (*victimRun, error) {
	workers := l.report().Workers
	a.chance.Shuffle(len(workers), func(i, j int) { workers[i], workers[j] = workers[j], workers[i] })
	switch n := a.chance.IntN(10); {
	case n < 5 && len(workers) > 0: // one of them
		workers = workers[:1]
	case n < 6 && len(workers) > 0: // all at once
	default:
		k.victims++
		if err := l.kill(ctx); err != nil {
			return l, err
		}
		return a.setup.start(ctx)
	}
	for _, pid := range workers {
		if p, err := os.FindProcess(pid); err == nil && p.Kill() == nil {
			k.workers++
		}
	}
	return l, nil
}

func (a *attempt) killsEnd(ctx context.Context, l *victimRun, k killed, err error) error {
	// Start it again, because the process of a task that only produces is not replaced: ingest continues with the victim's next.
	if err := errors.Join(err, l.kill(ctx)); err != nil {
		return err
	}
	l, err = a.setup.start(ctx)
	if err != nil {
		return err
	}
	t, err := a.finish(ctx, l, false)
	a.done = fmt.Sprintf("%d kills (%d of everything at once, %d of workers), %d accepted, %d effects, %d dead letters, %d delivered again",
		k.all(), k.victims, k.workers, t.Accepted, t.Effects, t.Dead, t.Redelivered)
	if err == nil && k.all() < a.plan.Kills {
		err = fmt.Errorf("%d kills, want %d: there was too little to do; raise the number of items", k.all(), a.plan.Kills)
	}
	return err
}
