package summary

import "github.com/ergon-go/ergon/runner"

// Run is the JSON of a summary.
type Run struct {
	Tasks []taskDocument `json:"tasks"`
}

type taskDocument struct {
	Task           string                   `json:"task"`
	Fetched        int64                    `json:"fetched"`
	Produced       int64                    `json:"produced"`
	Outcomes       map[string]int64         `json:"outcomes"` // all of them
	Duplicates     int64                    `json:"duplicates"`
	Conflicts      int64                    `json:"conflicts"`
	Diverged       int64                    `json:"diverged"`
	Retries        int64                    `json:"retries"`
	Timeouts       int64                    `json:"timeouts"`
	Abandoned      int64                    `json:"abandoned"`
	Late           int64                    `json:"late"`
	Restarts       int                      `json:"worker_restarts,omitempty"`
	ElapsedSeconds float64                  `json:"elapsed_seconds"`
	PerSecond      float64                  `json:"per_second"`
	Phases         map[string]phaseDocument `json:"phases"`
	Error          string                   `json:"error,omitempty"`
}

type phaseDocument struct {
	Attempts   int64   `json:"attempts"`
	P50Seconds float64 `json:"p50_seconds"`
	P99Seconds float64 `json:"p99_seconds"`
	MaxSeconds float64 `json:"max_seconds"`
}

// Document is a summary for machines.
func Document(summary runner.Summary) Run {
	d := Run{Tasks: []taskDocument{}}
	for _, t := range summary.Tasks {
		s := t.Snapshot
		task := taskDocument{
			Task: t.Name, Fetched: s.Fetched, Produced: s.Produced, Outcomes: map[string]int64{}, Retries: s.Retries, Timeouts: s.Timeouts,
			Duplicates: s.Duplicates, Conflicts: s.Conflicts, Diverged: s.Diverged,
			Abandoned: s.Abandoned, Late: s.Late, Restarts: t.Restarts(), ElapsedSeconds: s.Elapsed.Seconds(), PerSecond: throughput(s),
			Phases: map[string]phaseDocument{},
		}
		for _, o := range outcomes {
			task.Outcomes[o.outcome.String()] = s.Outcomes[o.outcome]
		}
		for phase, p := range s.Phases {
			task.Phases[string(phase)] = phaseDocument{p.Count, p.P50.Seconds(), p.P99.Seconds(), p.Max.Seconds()}
		}
		if t.Err != nil {
			task.Error = t.Err.Error()
		}
		d.Tasks = append(d.Tasks, task)
	}
	return d
}
