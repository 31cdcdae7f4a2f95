// Package operate serves the operations endpoint and the console of a run.
package operate

import (
	"context"
	"time"

	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/console"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

// closingTime is how long requests may take to end after everything else has ended.
const closingTime = time.Second

// Endpoint is the operations endpoint of a run.
type Endpoint struct {
	Out      *output.Printer
	Registry *config.Registry
	Version  string
	Config   configuration.Config
	Console  string // host:port to serve at if the configuration has none; "" for nowhere
}

func (e *Endpoint) settings() ops.Config {
	cfg, _ := config.SectionOf[ops.Config](e.Config.Config, configuration.OpsSection) // load has registered it
	if !cfg.On() {
		cfg.Listen = e.Console
	}
	return cfg
}

// Recorder keeps the last transactions if the endpoint shows them; otherwise it is nil. Worker processes need one as well.
func (e *Endpoint) Recorder() *observe.Recorder {
	if cfg := e.settings(); cfg.On() {
		return observe.NewRecorder(cfg.Payloads)
	}
	return nil
}

// Serve starts the endpoint if it is configured and this is not a worker process. The function that it returns ends it.
func (e *Endpoint) Serve(ctx context.Context, m *runner.Manager, s runner.Settings, t *telemetry.Providers) (end func(), err error) {
	cfg := e.settings()
	if _, worker := runner.InWorkerProcess(); worker || !cfg.On() {
		return func() {}, nil
	}
	s.Flush = nil
	server, err := ops.Start(ctx, ops.Settings{
		Config: cfg, Service: e.Out.Program, Version: e.Version, Tasks: m, Recorder: s.Recorder,
		DeadLetters:   &deadLetters{&session.Session{Registry: e.Registry, Config: e.Config, Settings: s, Manager: m}},
		Configuration: e.Config.YAML, Metrics: t.Prometheus, Console: console.New, Logger: t.Logger,
	})
	if err != nil {
		return nil, err
	}
	t.Logger.InfoContext(ctx, "operations endpoint and console", "url", server.URL())
	forget := context.AfterFunc(ctx, server.Backend().Drain)
	return func() {
		forget()
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingTime)
		defer cancel()
		if err := server.Close(closing); err != nil {
			t.Logger.DebugContext(ctx, "the operations endpoint was closed while it answered", "error", err)
		}
	}, nil
}
