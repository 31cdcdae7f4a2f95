package ops

import (
	"os"
	"slices"
	"time"

	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// view is a task as it is shown, and the latencies of the last minute.
func (b *Backend) view(p runner.TaskProgress) (TaskView, []runner.Bucket) {
	s := p.Snapshot
	t := TaskView{
		Name: p.Task, Total: p.Total, Outcomes: map[string]int64{}, Fetched: s.Fetched, Started: s.Started, Produced: s.Produced,
		Duplicates: s.Duplicates, Conflicts: s.Conflicts, Diverged: s.Diverged,
		Unsettled: s.Unsettled, Retries: s.Retries, Timeouts: s.Timeouts, Late: s.Late, Abandoned: s.Abandoned,
		Paused: s.Paused, Outage: s.Outage, Active: s.Active, Phases: phasesOf(s), Workers: workersOf(p),
	}
	t.Now.InFlight, t.Now.Concurrency = s.InFlight, s.Concurrency
	for outcome, n := range s.Outcomes {
		t.Outcomes[outcome.String()] = n
	}
	totals := totalOf(time.Time{}, s)
	t.Succeeded, t.Failed = totals.succeeded, totals.failed
	if cfg, known := b.task(p.Task); known {
		c := cfg.Consumer.Loop.Concurrency
		t.Kind = cfg.Kind()
		if t.Kind == "producer" {
			c = cfg.Producer.Loop.Concurrency
		}
		t.Adapts, t.Headroom = c.Adapts(), c.MaxAbandoned()
	}
	t.Each = s.Concurrency / max(p.Workers, 1)
	latencies := b.recent(&t)
	t.State = taskState(t)
	return t, latencies
}

// recent fills in the figures of now.
func (b *Backend) recent(t *TaskView) []runner.Bucket {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.series[t.Name]
	if s == nil {
		return nil
	}
	rates, latencies := s.now()
	t.Now.PerSecond, t.Now.FailedPerSecond = rates.Succeeded+rates.Failed+rates.Other, rates.Failed
	t.Now.latencies(latencies)
	return latencies
}

// taskState says the worst first.
func taskState(t TaskView) string {
	count := map[string]int{}
	for _, w := range t.Workers {
		count[w.State]++
		if w.Stalled != "" {
			return "stalled"
		}
	}
	switch n := len(t.Workers); {
	case count[string(runner.WorkerEnded)]+count[string(runner.WorkerGivenUp)] == n:
		return "ended"
	case t.Outage:
		return "outage"
	case t.Paused:
		return "paused"
	case count[string(runner.WorkerRunning)] == 0:
		return stateStarting
	default:
		return "running"
	}
}

func phasesOf(s runner.Snapshot) []PhaseView {
	views := []PhaseView{}
	for _, phase := range []policy.Phase{
		policy.PhaseFetch, policy.PhaseProcess, policy.PhasePrepare, policy.PhaseSuccess, policy.PhaseException, policy.PhaseSettle,
	} {
		if p, ran := s.Phases[phase]; ran {
			views = append(views, PhaseView{phase, p.Count, p.P50, p.P99, p.Max})
		}
	}
	return views
}

func workersOf(p runner.TaskProgress) []WorkerView {
	views := []WorkerView{}
	for _, w := range p.Each {
		v := WorkerView{
			Name: w.Name, State: string(w.State), Stalled: w.Stalled, PID: w.PID, Own: w.PID != 0, Restarts: w.Restarts,
			InFlight: w.Snapshot.InFlight, Concurrency: w.Snapshot.Concurrency, Ended: w.Snapshot.Ended(),
		}
		for _, u := range w.Unhealthy {
			v.Unhealthy = append(v.Unhealthy, u.Component+": "+u.Problem)
		}
		if !v.Own {
			v.PID = os.Getpid()
		}
		if !w.Heartbeat.IsZero() {
			v.Heartbeat = max(time.Since(w.Heartbeat), 1)
		}
		views = append(views, v)
	}
	slices.SortStableFunc(views, func(a, b WorkerView) int { return len(a.Name) - len(b.Name) })
	return views
}
