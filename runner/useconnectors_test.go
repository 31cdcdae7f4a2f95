package runner_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/runner"
)

// recordedConfig is a task with two connectors and a service. Each notes its calls.
func recordedConfig(j *journal) ergon.TaskConfig {
	cfg := configure("triage", finiteQueue(1), processor(nil))
	for _, name := range []string{"input", "tickets"} {
		cfg.Connectors[name] = (&part{journal: j, name: name}).component()
	}
	cfg.Services["ledger"] = (&part{journal: j, name: "ledger"}).component()
	return cfg
}

func TestConnectorsAreUsedWithoutTheirTask(t *testing.T) {
	var j journal
	m := manage(t, runner.Settings{}, recordedConfig(&j))
	err := m.UseConnectors(t.Context(), "triage", []string{"tickets"}, func(_ context.Context, all map[string]any) error {
		j.addf("use %d", len(all))
		if _, ok := all["tickets"].(*part); !ok {
			t.Errorf("got %v, want the connector tickets", all)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	j.want(t, "make tickets", "open tickets", "use 1", "close tickets")
}

func TestConnectorsAreClosedWhateverTheirUseCameTo(t *testing.T) {
	var j journal
	cfg := recordedConfig(&j)
	cfg.Connectors["input"] = (&part{journal: &j, name: "input", onClose: failing}).component()
	err := manage(t, runner.Settings{}, cfg).UseConnectors(t.Context(), "triage", []string{"input", "tickets"},
		func(context.Context, map[string]any) error { return errUse })
	if !errors.Is(err, errUse) || !errors.Is(err, errBroken) {
		t.Errorf("got %v, want both %v and %v", err, errUse, errBroken)
	}
	if want := []string{"close tickets", "close input"}; !slices.Equal(j.all()[4:], want) {
		t.Errorf("got %q, want %q at its end", j.all(), want)
	}
}

func TestConnectorsThatCannotBeHadAreNotUsed(t *testing.T) {
	never := func(context.Context, map[string]any) error { return errors.New("they were used") }
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errUse)
	for name, c := range map[string]struct {
		ctx             context.Context
		task, connector string
		open            func(context.Context) error
		want            string
		code, maxEvents int
	}{
		"unknown task":      {t.Context(), "triag", "tickets", nil, `unknown task "triag"; did you mean "triage"?`, 2, 0},
		"unknown connector": {t.Context(), "triage", "tickts", nil, `task "triage": connector "tickts" is not configured`, 2, 0},
		"cannot be opened":  {t.Context(), "triage", "tickets", failing, `open connector "tickets" (part): broken`, 1, 3},
		"stopped before":    {ended, "triage", "tickets", nil, errUse.Error(), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var j journal
			cfg := recordedConfig(&j)
			cfg.Connectors["tickets"] = (&part{journal: &j, name: "tickets", onOpen: c.open}).component()
			err := manage(t, runner.Settings{}, cfg).UseConnectors(c.ctx, c.task, []string{c.connector}, never)
			wantErrorText(t, err, c.want)
			wantExitCode(t, err, c.code)
			if n := len(j.all()); n > c.maxEvents {
				t.Errorf("got %q, want %d events at most", j.all(), c.maxEvents)
			}
		})
	}
}

var errUse = errors.New("of no use")
