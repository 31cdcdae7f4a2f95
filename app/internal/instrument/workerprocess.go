package instrument

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

// What the processes of a run have in common, as variables of those that the first of them starts.
const (
	executionVariable = "ERGON_EXECUTION_ID"
	terminalVariable  = "ERGON_TERMINAL" // whether the log lines of all of them go to one
)

// workerEnv are the variables of worker processes.
func workerEnv(s telemetry.Settings) []string {
	return []string{executionVariable + "=" + s.ExecutionID, terminalVariable + "=" + strconv.FormatBool(s.Terminal)}
}

// ofWorker is the telemetry of a worker process. It exports for itself and writes a log file of its own; log lines for the
// console look as those of the process that it writes them to. The address for Prometheus is that one's.
func ofWorker(
	is runner.WorkerProcess, cfg telemetry.Config, s telemetry.Settings, lookupEnv func(string) (string, bool),
) (telemetry.Config, telemetry.Settings) {
	cfg.Metrics.Prometheus.Listen = ""
	if path := cfg.Logs.File.Path; path != "" {
		end := filepath.Ext(path)
		cfg.Logs.File.Path = strings.TrimSuffix(path, end) + "." + is.Worker + end
	}
	s.Tasks, s.Worker = []string{is.Task}, is.Worker
	s.ExecutionID, _ = lookupEnv(executionVariable)
	terminal, _ := lookupEnv(terminalVariable)
	s.Terminal = terminal == "true"
	return cfg, s
}
