package app

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

const (
	telemetryKey  = "telemetry"
	telemetryText = "What is exported of traces, metrics and logs, and where to. Variables of OpenTelemetry, OTEL_*, are its defaults."
)

// registry is the program's, with the sections that the command line understands; defaults are those of telemetry.
func (p *program) registry(defaults telemetry.Config) *config.Registry {
	reg := p.settings.Registry.Clone()
	config.Section(reg, telemetryKey, telemetryText, defaults)
	config.Section(reg, opsKey, opsText, ops.DefaultConfig())
	return reg
}

// telemetry is what the configuration says, and the flags of logging before that.
func (c configuration) telemetry(o options) telemetry.Config {
	cfg, _ := config.SectionOf[telemetry.Config](c.Config, telemetryKey) // load has registered it
	if o.logLevel.value != "" {
		cfg.Logs.Level = telemetry.Level(o.logLevel.value)
	}
	if o.logFormat.value != "" {
		cfg.Logs.Console.Format = telemetry.Format(o.logFormat.value)
	}
	return cfg
}

// names are those tasks, all where there are none.
func (c configuration) names(tasks []string) []string {
	if len(tasks) > 0 {
		return tasks
	}
	for _, t := range c.Tasks {
		tasks = append(tasks, t.Name)
	}
	return tasks
}

// aside is for what runs beside a program that has the addresses and the log file already: it leaves them alone.
func aside(cfg telemetry.Config) telemetry.Config {
	cfg.Metrics.Prometheus.Listen, cfg.Logs.File.Path = "", ""
	return cfg
}

// logsOnly exports nothing.
func logsOnly(cfg telemetry.Config) telemetry.Config {
	cfg.Disabled = true
	return aside(cfg)
}

// observe sets telemetry up for a run of tasks, before any of them is made. Log lines go to w, and so do from now on those
// of loggers that nobody has made. The caller shuts it down.
func (p *program) observe(ctx context.Context, cfg telemetry.Config, w io.Writer, tasks []string) (*telemetry.Providers, error) {
	if err := cfg.Check(); err != nil {
		return nil, &wrong{err: err}
	}
	_, terminal := p.terminal(p.process.Stderr)
	s := telemetry.Settings{
		Service: p.settings.Name, Version: p.version().Version, Tasks: tasks, ExecutionID: rand.Text(), Console: w, Terminal: terminal,
	}
	if is, worker := runner.InWorkerProcess(); worker {
		cfg, s = p.ofWorker(is, cfg, s)
	}
	p.workerEnv = workerEnv(s)
	providers, err := telemetry.Setup(ctx, cfg, s)
	if err != nil {
		return nil, err
	}
	p.process.SetLogger(providers.Logger)
	if p.process.SetProviders != nil {
		p.process.SetProviders(providers)
	}
	return providers, nil
}

// runnerSettings are those of a run that is observed.
func (p *program) runnerSettings(t *telemetry.Providers, force <-chan struct{}) runner.Settings {
	return runner.Settings{
		TracerProvider: t.TracerProvider, MeterProvider: t.MeterProvider, Logger: t.Logger, Force: force, Flush: p.flush(t),
		ContinueTraces: t.ContinueTraces, WorkerEnv: p.workerEnv,
	}
}

// end shuts telemetry down where a run has not come so far as to do it.
func (p *program) end(ctx context.Context, t *telemetry.Providers) {
	if err := t.Shutdown(context.WithoutCancel(ctx)); err != nil {
		t.Logger.ErrorContext(ctx, "telemetry could not be flushed; the last of it is missing", "error", err)
	}
}

// flush is called at the end of a run: ours, and that of the program beside it.
func (p *program) flush(providers *telemetry.Providers) func(context.Context) error {
	return func(ctx context.Context) error {
		defer p.process.flush() // a worker process ends then
		if p.settings.Flush == nil {
			return providers.Shutdown(ctx)
		}
		var own error
		var beside sync.WaitGroup
		beside.Go(func() { own = providers.Shutdown(ctx) })
		err := p.settings.Flush(ctx)
		beside.Wait()
		return errors.Join(err, own)
	}
}
