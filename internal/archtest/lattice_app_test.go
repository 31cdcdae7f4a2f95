package archtest_test

import (
	"slices"

	"github.com/ergon-go/ergon/internal/archtest"
)

var (
	cobra = []string{"github.com/spf13/cobra", "github.com/spf13/pflag"}
	term  = []string{"golang.org/x/term"}
	// What every command may use: flags, output and the configuration.
	commandTools = []string{
		"app/internal/command", "app/internal/configuration", "app/internal/flags", "app/internal/instrument", "app/internal/output",
		"app/internal/table", "app/internal/text", "app/internal/usage", "internal/humanize",
	}
)

// commandLine are the rows of the command line. Commands never import each other.
var commandLine = []archtest.Rule{
	{
		Packages: "app", Ours: []string{"app/internal/...", "config", "runner"}, ThirdParty: cobra,
		TestOurs: slices.Concat(parts, []string{"internal/otlptest"}),
	},
	// Decision 0170: what connectors can do is found by capability.As.
	{Packages: "app/internal/capabilities", Ours: []string{"capability", "config", "deadletter"}},
	{
		Packages: "app/internal/check",
		Ours:     []string{".", "capability", "internal/panics", "internal/pipeline", "internal/placement", "policy", "runner"},
	},
	{Packages: "app/internal/command"},
	{Packages: "app/internal/command/create", Ours: commandTools, ThirdParty: cobra},
	{
		Packages:   "app/internal/command/describe",
		Ours:       slices.Concat(commandTools, []string{".", "app/internal/capabilities", "app/internal/version", "config", "telemetry"}),
		ThirdParty: cobra,
	},
	{Packages: "app/internal/command/dev", Ours: slices.Concat(commandTools, []string{"app/internal/process"}), ThirdParty: cobra},
	{
		Packages: "app/internal/command/dlq",
		Ours: slices.Concat(commandTools, []string{
			"app/internal/deadletters", "app/internal/requeue", "app/internal/selection", "app/internal/session", "deadletter",
			"internal/readable",
		}),
		ThirdParty: cobra,
	},
	{
		Packages: "app/internal/command/doctor",
		Ours: slices.Concat(commandTools, []string{
			".", "app/internal/check", "app/internal/machine", "app/internal/version", "capability", "internal/ask",
			"internal/panics", "runner",
		}),
		ThirdParty: cobra,
	},
	{
		Packages: "app/internal/command/enqueue",
		Ours: slices.Concat(commandTools, []string{
			".", "app/internal/deadletters", "app/internal/dispatched", "app/internal/session", "internal/foreign", // decision 0134
		}),
		ThirdParty: cobra,
	},
	{Packages: "app/internal/command/lint", Ours: slices.Concat(commandTools, []string{"app/internal/check", "config"}), ThirdParty: cobra},
	{
		Packages:   "app/internal/command/queue",
		Ours:       slices.Concat(commandTools, []string{".", "app/internal/session", "capability", "internal/readable"}),
		ThirdParty: cobra,
	},
	{
		Packages: "app/internal/command/replay",
		Ours: slices.Concat(commandTools, []string{
			".", "app/internal/deadletters", "app/internal/progress", "app/internal/selection", "app/internal/session",
			"app/internal/summary", "capability", "deadletter", "policy", "runner",
		}),
		ThirdParty: cobra,
	},
	{
		Packages: "app/internal/command/run",
		Ours: slices.Concat(commandTools, []string{
			"app/internal/check", "app/internal/operate", "app/internal/progress", "app/internal/summary", "runner",
		}),
		ThirdParty: cobra,
	},
	{Packages: "app/internal/command/transact", Ours: slices.Concat(commandTools, []string{".", "runner"}), ThirdParty: cobra},
	{
		Packages:   "app/internal/configuration",
		Ours:       []string{".", "app/internal/usage", "config", "ops", "policy", "runner", "telemetry"},
		ThirdParty: cobra,
	},
	{
		Packages:   "app/internal/deadletters",
		Ours:       []string{".", "app/internal/flags", "app/internal/usage", "capability", "deadletter"},
		ThirdParty: cobra,
	},
	{Packages: "app/internal/dispatched", Ours: []string{".", "capability", "internal/humanize"}},
	{
		Packages:   "app/internal/flags",
		Ours:       []string{"app/internal/text", "app/internal/usage", "internal/humanize", "internal/suggest"},
		ThirdParty: cobra,
	},
	{
		Packages: "app/internal/instrument",
		Ours: []string{
			"app/internal/configuration", "app/internal/flags", "app/internal/output", "app/internal/usage", "config", "runner",
			"telemetry",
		},
	},
	{Packages: "app/internal/machine", Ours: []string{"app/internal/version"}},
	{
		Packages: "app/internal/operate",
		Ours: []string{
			"app/internal/configuration", "app/internal/output", "app/internal/requeue", "app/internal/selection",
			"app/internal/session", "config", "console", "deadletter", "observe", "ops", "runner", "telemetry",
		},
	},
	{
		Packages: "app/internal/output",
		Ours:     []string{"app/internal/flags", "app/internal/process", "app/internal/table", "config", "internal/humanize"},
	},
	{Packages: "app/internal/pid1", ThirdParty: term},
	{Packages: "app/internal/process", Ours: []string{"app/internal/machine", "internal/sink", "runner", "telemetry"}, ThirdParty: term},
	{
		Packages: "app/internal/progress",
		Ours:     []string{"app/internal/output", "internal/humanize", "runner"},
		TestOurs: []string{"app/internal/terminaltest"},
	},
	{
		Packages: "app/internal/requeue",
		Ours: []string{
			".", "app/internal/configuration", "app/internal/deadletters", "app/internal/dispatched", "app/internal/session",
			"app/internal/usage", "capability", "deadletter", "internal/foreign", "internal/humanize", // foreign: decision 0134
		},
	},
	{
		Packages: "app/internal/selection",
		Ours: []string{
			".", "app/internal/configuration", "app/internal/deadletters", "app/internal/flags", "app/internal/output",
			"app/internal/session", "app/internal/text", "app/internal/usage", "deadletter", "internal/humanize",
			"internal/suggest", "policy",
		},
		ThirdParty: cobra,
	},
	{
		Packages: "app/internal/session",
		Ours: []string{
			".", "app/internal/capabilities", "app/internal/configuration", "app/internal/instrument", "app/internal/output",
			"app/internal/usage", "capability", "config", "internal/ask", "runner",
		},
	},
	{
		Packages: "app/internal/summary",
		Ours:     []string{"app/internal/output", "app/internal/table", "internal/humanize", "policy", "runner"},
	},
	{Packages: "app/internal/table"},
	{Packages: "app/internal/terminaltest"},
	{Packages: "app/internal/text"},
	{Packages: "app/internal/usage", Ours: []string{"internal/suggest"}, ThirdParty: cobra},
	{Packages: "app/internal/version"},
}
