package instrument

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

// Environment variables by which the first process of a run tells its worker processes what they share.
const (
	executionVariable = "ERGON_EXECUTION_ID"
	terminalVariable  = "ERGON_TERMINAL" // whether the console of the log is a terminal
)

// workerEnv are the variables of worker processes.
func workerEnv(s telemetry.Settings) []string {
	return []string{executionVariable + "=" + s.ExecutionID, terminalVariable + "=" + strconv.FormatBool(s.Terminal)}
}

// ofWorker is the telemetry of a worker process. It exports by itself and writes its own log file. Its log lines for the console have
// the format of the first process. It does not serve Prometheus: the first process does.
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
