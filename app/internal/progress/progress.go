// Package progress shows how far a run is: in a line at the bottom of a terminal, elsewhere in log lines.
package progress

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/internal/humanize"
	"github.com/ergon-go/ergon/runner"
)

const (
	redraw      = 100 * time.Millisecond
	reportEvery = 10 * time.Second
	rateWindow  = 5 * time.Second
	minElapsed  = time.Second // before that an ETA would be a guess
)

// progress is the progress of some tasks together.
type progress struct {
	name             string // of the only task, or the number of tasks
	done, total      int64  // total is -1 if a source cannot count
	inFlight, failed int64
	returning        int64   // requeued transactions that the run waits for
	rate             float64 // per second, lately
	eta              time.Duration
	outage           bool
}

// meter remembers the number of finished transactions over the last seconds.
type meter struct{ marks []mark }

type mark struct {
	at   time.Time
	done int64
}

// newMeter starts at nothing done.
func newMeter() *meter { return &meter{marks: []mark{{at: time.Now()}}} }

// rate is the rate per second after done transactions, and the period that it was measured over.
func (m *meter) rate(now time.Time, done int64) (perSecond float64, over time.Duration) {
	m.marks = append(m.marks, mark{now, done})
	for len(m.marks) > 2 && now.Sub(m.marks[1].at) >= rateWindow {
		m.marks = m.marks[1:]
	}
	over = now.Sub(m.marks[0].at)
	if over <= 0 {
		return 0, 0
	}
	return float64(done-m.marks[0].done) / over.Seconds(), over
}

func (m *meter) progress(name string, tasks ...runner.TaskProgress) progress {
	p := progress{name: name}
	for _, t := range tasks {
		s := t.Snapshot
		again := s.Outcomes[runner.Interrupted] + s.Outcomes[runner.Redelivered]
		p.done += s.Ended() - again
		p.failed += s.Ended() - again - s.Outcomes[runner.Succeeded]
		p.inFlight += s.InFlight
		p.returning += s.Returning
		p.outage = p.outage || s.Outage
		if t.Total < 0 || p.total < 0 {
			p.total = -1
		} else {
			p.total += t.Total
		}
	}
	var over time.Duration
	p.rate, over = m.rate(time.Now(), p.done)
	if left := p.total - p.done; left > 0 && p.rate > 0 && over >= minElapsed {
		p.eta = time.Duration(float64(left) / p.rate * float64(time.Second))
	}
	return p
}

// together is the progress of all tasks, for the live line.
func (m *meter) together(tasks []runner.TaskProgress) progress {
	name := humanize.Plural(len(tasks), "task")
	if len(tasks) == 1 {
		name = tasks[0].Task
	}
	return m.progress(name, tasks...)
}

// drawProgress redraws a line on a terminal until ctx ends, and clears it. stopping is closed when a shutdown begins.
func drawProgress(ctx context.Context, tasks func() []runner.TaskProgress, line *LiveLine, columns func() int, stopping <-chan struct{}) {
	defer line.Show("")
	m, stops := newMeter(), false
	for tick := time.NewTicker(redraw); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-stopping:
			stops, stopping = true, nil
		case <-tick.C:
		}
		if now := tasks(); len(now) > 0 {
			line.Show(m.together(now).line(columns()-1, stops))
		}
	}
}

// logProgress logs a line for each task every ten seconds, until ctx ends.
func logProgress(ctx context.Context, tasks func() []runner.TaskProgress, logger *slog.Logger) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	meters, first := map[string]*meter{}, newMeter()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, t := range tasks() {
			if meters[t.Task] == nil {
				meters[t.Task] = &meter{marks: slices.Clone(first.marks)}
			}
			logger.LogAttrs(ctx, slog.LevelInfo, "progress", meters[t.Task].progress(t.Task, t).attributes()...)
		}
	}
}

// Watch shows the progress of tasks until the function that it returns is called: in the live line of a terminal, or in the log.
func Watch(ctx context.Context, out *output.Printer, m *runner.Manager, line *LiveLine, logger *slog.Logger) (end func()) {
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-ctx.Done():
			logger.InfoContext(ctx, "stopping: finishing transactions in flight; a second signal shortens that", "cause", context.Cause(ctx))
		case <-watching.Done():
		}
	})
	watcher.Go(func() {
		if _, terminal := out.Terminal(out.Process.Stderr); !terminal {
			logProgress(watching, m.Progress, logger)
			return
		}
		columns := func() int {
			width, _ := out.Terminal(out.Process.Stderr)
			return width
		}
		drawProgress(watching, m.Progress, line, columns, ctx.Done())
	})
	return func() {
		stop()
		watcher.Wait()
	}
}
