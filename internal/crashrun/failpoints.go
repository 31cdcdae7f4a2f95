package crashrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// failpointVariable is that of connector/sqlite, where the program is built with the tag failpoints.
const failpointVariable = "ERGON_FAILPOINT"

// Failpoints has the victim die at each named step of the queue: before it, before its commit, and after. They are there
// where the program is built with the tag failpoints.
func Failpoints() Phase { return Phase{"failpoints", (*attempt).failpoints} }

// step is something that a pipeline does, at least that often in a run of the victim that has something to do.
type step struct {
	name  string
	times int
}

func steps() []step {
	return []step{
		{"migrate", 1}, {"open", 1}, {"dispatch", 2}, {"claim", 2}, {"extend", 1}, {"hop", 2}, {"letter", 1}, {"settle", 1},
	}
}

func (a *attempt) failpoints(ctx context.Context) error {
	if !built {
		a.done = "none in this build; build it with -tags failpoints"
		return nil
	}
	s := &a.setup
	s.SlowEvery, s.Pause, s.Lease, s.MaxDeliveries = 50, 800*time.Millisecond, 2*time.Second, 0
	hits := 0
	for _, step := range steps() {
		for _, moment := range []string{"begun", "done", "committed"} {
			if step.name == "letter" && moment == "committed" {
				continue // it is committed with its hop
			}
			for range a.plan.Deaths {
				if err := a.dieAt(ctx, step, moment); err != nil {
					return err
				}
				hits++
			}
		}
	}
	l, err := s.start(ctx)
	if err != nil {
		return err
	}
	t, err := a.finish(ctx, l, false)
	a.done = fmt.Sprintf("%d deaths at failpoints, %d accepted, %d effects, %d dead letters, %d delivered again",
		hits, t.Accepted, t.Effects, t.Dead, t.Redelivered)
	return err
}

// dieAt gives the victim something to do and has it die of that.
func (a *attempt) dieAt(ctx context.Context, step step, moment string) error {
	const each = 100 // transactions for each run of the victim, of every kind among them
	name, nth := step.name+"."+moment, 1+a.chance.IntN(step.times)
	if step.name == "migrate" { // of a file that is not there yet
		folder, err := os.MkdirTemp(a.setup.Folder, moment)
		if err != nil {
			return fmt.Errorf("make room for a file: %w", err)
		}
		a.setup.Folder = folder
	} else {
		a.setup.Items += each
	}
	l, err := a.setup.start(ctx, failpointVariable+"="+name+":"+strconv.Itoa(nth))
	if err != nil {
		return err
	}
	if err := l.wait(ctx); err != nil {
		return errors.Join(fmt.Errorf("%s, the %d. time: %w", name, nth, err), l.kill(ctx))
	}
	if l.cmd.ProcessState.Exited() {
		return fmt.Errorf("%s, the %d. time: the victim ended: %w; see %s", name, nth, l.err, a.setup.log())
	}
	return a.setup.intact(ctx)
}
