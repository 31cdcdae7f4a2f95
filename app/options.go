package app

import (
	"github.com/spf13/cobra"
)

// addOptions adds the flags that every command has.
func (p *program) addOptions(root *cobra.Command) {
	level, format := &p.telemetry.logLevel, &p.telemetry.logFormat
	*level = oneOf("", "debug", "info", "warn", "error")
	*format = oneOf("", formatText, formatJSON)
	flags := root.PersistentFlags()
	flags.StringVar(&p.configs.path, "config", "", p.configs.usage())
	flags.Var(&p.out.format, "output", "format of what is printed to standard output")
	flags.Var(level, "log-level", "least level of log lines (default: telemetry.logs.level)")
	flags.Var(format, "log-format", "format of log lines on standard error (default: telemetry.logs.console.format)")
	flags.BoolVar(&p.out.noColor, "no-color", false, "no colors, also on a terminal (or set NO_COLOR)")
	for name, complete := range map[string]cobra.CompletionFunc{
		"output": p.out.format.complete, "log-level": level.complete, "log-format": format.complete,
		"config": cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt),
	} {
		_ = root.RegisterFlagCompletionFunc(name, complete) // fails only for a flag that is not there
	}
}
