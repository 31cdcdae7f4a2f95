package app

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

// telemetrySetup makes the telemetry of a run as the configuration and the flags of logging say.
type telemetrySetup struct {
	out       *printer
	version   string
	flush     func(context.Context) error // of providers that the program made; nil for none
	logLevel  choice                      // --log-level
	logFormat choice                      // --log-format
}

// observed is the telemetry of one run. Whoever started it calls end.
type observed struct {
	*telemetry.Providers

	setup     *telemetrySetup
	workerEnv []string // variables for worker processes
}

// config is the section telemetry of a configuration. The flags of logging win.
func (t *telemetrySetup) config(c configuration) telemetry.Config {
	cfg, _ := config.SectionOf[telemetry.Config](c.Config, telemetryKey) // load has registered it
	if t.logLevel.value != "" {
		cfg.Logs.Level = telemetry.Level(t.logLevel.value)
	}
	if t.logFormat.value != "" {
		cfg.Logs.Console.Format = telemetry.Format(t.logFormat.value)
	}
	return cfg
}

// aside is for a command that may run beside the program: it does not use the address and the log file of that.
func aside(cfg telemetry.Config) telemetry.Config {
	cfg.Metrics.Prometheus.Listen, cfg.Logs.File.Path = "", ""
	return cfg
}

// logsOnly exports nothing.
func logsOnly(cfg telemetry.Config) telemetry.Config {
	cfg.Disabled = true
	return aside(cfg)
}

// start sets telemetry up for a run of tasks, before any of them is made. Log lines go to w; the default logger of the process
// writes there as well from now on.
func (t *telemetrySetup) start(ctx context.Context, cfg telemetry.Config, w io.Writer, tasks []string) (*observed, error) {
	if err := cfg.Check(); err != nil {
		return nil, &usageError{err: err}
	}
	process := t.out.process
	_, terminal := t.out.terminal(process.Stderr)
	s := telemetry.Settings{
		Service: t.out.program, Version: t.version, Tasks: tasks, ExecutionID: rand.Text(), Console: w, Terminal: terminal,
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
	return &observed{providers, t, workerEnv(s)}, nil
}

// runnerSettings are those of a run that is observed.
func (o *observed) runnerSettings(force <-chan struct{}) runner.Settings {
	return runner.Settings{
		TracerProvider: o.TracerProvider, MeterProvider: o.MeterProvider, Logger: o.Logger, Force: force, Flush: o.flush,
		ContinueTraces: o.ContinueTraces, WorkerEnv: o.workerEnv,
	}
}

// end shuts telemetry down if the run ended before it did that itself.
func (o *observed) end(ctx context.Context) {
	if err := o.Shutdown(context.WithoutCancel(ctx)); err != nil {
		o.Logger.ErrorContext(ctx, "telemetry could not be flushed; the last of it is missing", "error", err)
	}
}

// flush ends a run: it shuts telemetry down and, at the same time, flushes the providers that the program made.
func (o *observed) flush(ctx context.Context) error {
	defer o.setup.out.process.flush() // a worker process ends after this
	if o.setup.flush == nil {
		return o.Shutdown(ctx)
	}
	var own error
	var beside sync.WaitGroup
	beside.Go(func() { own = o.Shutdown(ctx) })
	err := o.setup.flush(ctx)
	beside.Wait()
	return errors.Join(err, own)
}
