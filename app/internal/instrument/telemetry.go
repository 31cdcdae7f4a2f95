// Package instrument sets up the traces, metrics and logs of a run, and ends them.
package instrument

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"

	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

// Setup makes the telemetry of a run as the configuration and the flags of logging say.
type Setup struct {
	Out       *output.Printer
	Version   string
	Flush     func(context.Context) error // of providers that the program made; nil for none
	LogLevel  flags.Choice                // --log-level
	LogFormat flags.Choice                // --log-format
}

// Providers is the telemetry of one run. Whoever started it calls end.
type Providers struct {
	*telemetry.Providers

	setup     *Setup
	workerEnv []string // variables for worker processes
}

// Config is the section telemetry of a configuration. The flags of logging win.
func (t *Setup) Config(c configuration.Config) telemetry.Config {
	cfg, _ := config.SectionOf[telemetry.Config](c.Config, configuration.TelemetrySection) // load has registered it
	if t.LogLevel.Value != "" {
		cfg.Logs.Level = telemetry.Level(t.LogLevel.Value)
	}
	if t.LogFormat.Value != "" {
		cfg.Logs.Console.Format = telemetry.Format(t.LogFormat.Value)
	}
	return cfg
}

// BesideProgram is for a command that may run beside the program: it does not use the address and the log file of that.
func BesideProgram(cfg telemetry.Config) telemetry.Config {
	cfg.Metrics.Prometheus.Listen, cfg.Logs.File.Path = "", ""
	return cfg
}

// LogsOnly exports nothing.
func LogsOnly(cfg telemetry.Config) telemetry.Config {
	cfg.Disabled = true
	return BesideProgram(cfg)
}

// Start sets telemetry up for a run of tasks, before any of them is made. Log lines go to w; the default logger of the process
// writes there as well from now on.
func (t *Setup) Start(ctx context.Context, cfg telemetry.Config, w io.Writer, tasks []string) (*Providers, error) {
	if err := cfg.Check(); err != nil {
		return nil, &usage.Error{Err: err}
	}
	process := t.Out.Process
	_, terminal := t.Out.Terminal(process.Stderr)
	s := telemetry.Settings{
		Service: t.Out.Program, Version: t.Version, Tasks: tasks, ExecutionID: rand.Text(), Console: w, Terminal: terminal,
	}
	if worker, ok := runner.InWorkerProcess(); ok {
		cfg, s = ofWorker(worker, cfg, s, process.LookupEnv)
	}
	providers, err := telemetry.Setup(ctx, cfg, s)
	if err != nil {
		return nil, err
	}
	process.SetLogger(providers.Logger)
	if process.SetProviders != nil {
		process.SetProviders(providers)
	}
	return &Providers{providers, t, workerEnv(s)}, nil
}

// RunnerSettings are those of a run that is observed.
func (o *Providers) RunnerSettings(force <-chan struct{}) runner.Settings {
	return runner.Settings{
		TracerProvider: o.TracerProvider, MeterProvider: o.MeterProvider, Logger: o.Logger, Force: force, Flush: o.flush,
		ContinueTraces: o.ContinueTraces, WorkerEnv: o.workerEnv,
	}
}

// End shuts telemetry down if the run ended before it did that itself.
func (o *Providers) End(ctx context.Context) {
	if err := o.Shutdown(context.WithoutCancel(ctx)); err != nil {
		o.Logger.ErrorContext(ctx, "telemetry could not be flushed; the last of it is missing", "error", err)
	}
}

// flush ends a run: it shuts telemetry down and, at the same time, flushes the providers that the program made.
func (o *Providers) flush(ctx context.Context) error {
	defer o.setup.Out.Process.Flush() // a worker process ends after this
	if o.setup.Flush == nil {
		return o.Shutdown(ctx)
	}
	var own error
	var beside sync.WaitGroup
	beside.Go(func() { own = o.Shutdown(ctx) })
	err := o.setup.Flush(ctx)
	beside.Wait()
	return errors.Join(err, own)
}
