package app

import (
	"context"
	"time"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/console"
	"github.com/ergon-go/ergon/observe"
	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

const (
	opsKey  = "ops"
	opsText = "The operations endpoint: health, metrics, profiles, an API and the web console."
	// opsClosing is how long requests have to end when everything else has.
	opsClosing = time.Second
)

// ops is what the configuration says.
func (c configuration) ops() ops.Config {
	cfg, _ := config.SectionOf[ops.Config](c.Config, opsKey) // load has registered it
	if !cfg.On() {
		cfg.Listen = c.console
	}
	return cfg
}

// recorder keeps the last transactions where somebody can look at them; nil elsewhere. Worker processes need one as well.
func (c configuration) recorder() *observe.Recorder {
	if cfg := c.ops(); cfg.On() {
		return observe.NewRecorder(cfg.Payloads)
	}
	return nil
}

// operate serves the operations endpoint of a run, where it is configured and this is no worker process. The function that it
// returns ends it.
func (p *program) operate(
	ctx context.Context, c configuration, m *runner.Manager, s runner.Settings, t *telemetry.Providers,
) (end func(), err error) {
	cfg := c.ops()
	if _, worker := runner.InWorkerProcess(); worker || !cfg.On() {
		return func() {}, nil
	}
	s.Flush = nil
	server, err := ops.Start(ctx, ops.Settings{
		Config: cfg, Service: p.settings.Name, Version: p.version().Version, Tasks: m, Recorder: s.Recorder,
		Letters: &operatedLetters{&session{p, c, s, m}}, Configuration: c.shown, Metrics: t.Prometheus, Console: console.New,
		Logger: t.Logger,
	})
	if err != nil {
		return nil, err
	}
	t.Logger.InfoContext(ctx, "operations endpoint and console", "url", server.URL())
	forget := context.AfterFunc(ctx, server.Desk().Drain)
	return func() {
		forget()
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), opsClosing)
		defer cancel()
		if err := server.Close(closing); err != nil {
			t.Logger.DebugContext(ctx, "the operations endpoint was closed while it answered", "error", err)
		}
	}, nil
}

// shown is the configuration without secrets; of one task, without what is not of tasks, where one is named.
func (c configuration) shown(task string) (string, error) {
	show := c.Show
	if task != "" {
		one, err := c.task(task)
		if err != nil {
			return "", err
		}
		only := *c.Config
		only.Tasks = only.Tasks[:0:0]
		only.Tasks = append(only.Tasks, one)
		show = only.ShowTasks
	}
	text, err := show()
	return string(text), err
}
