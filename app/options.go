package app

import (
	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/app/internal/output"
)

// addOptions adds the flags that every command has.
func (p *program) addOptions(root *cobra.Command) {
	level, format := &p.telemetry.LogLevel, &p.telemetry.LogFormat
	*level = flags.OneOf("", "debug", "info", "warn", "error")
	*format = flags.OneOf("", output.FormatText, output.FormatJSON)
	persistent := root.PersistentFlags()
	persistent.StringVar(&p.configs.Path, "config", "", p.configs.Usage())
	persistent.Var(&p.out.Format, "output", "format of standard output")
	persistent.Var(level, "log-level", "minimum level of log lines (default: telemetry.logs.level)")
	persistent.Var(format, "log-format", "format of log lines on standard error (default: telemetry.logs.console.format)")
	persistent.BoolVar(&p.out.NoColor, "no-color", false, "no colors (or set NO_COLOR)")
	for name, complete := range map[string]cobra.CompletionFunc{
		"output": p.out.Format.Complete, "log-level": level.Complete, "log-format": format.Complete,
		"config": cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt),
	} {
		_ = root.RegisterFlagCompletionFunc(name, complete) // fails only for a flag that is not there
	}
}
