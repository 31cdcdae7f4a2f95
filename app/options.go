package app

import (
	"github.com/spf13/cobra"
)

// options are the flags that every command has.
type options struct {
	config    string
	output    choice
	logLevel  choice
	logFormat choice
	noColor   bool
}

const (
	outputText = "text"
	outputJSON = "json"
)

func (p *program) addOptions(root *cobra.Command) {
	o := &p.options
	o.output = choice{outputText, []string{outputText, outputJSON}}
	o.logLevel = choice{"", []string{"debug", "info", "warn", "error"}}
	o.logFormat = choice{"", []string{outputText, outputJSON}}
	flags := root.PersistentFlags()
	flags.StringVar(&o.config, "config", "", p.configUsage())
	flags.Var(&o.output, "output", "format of what is printed to standard output")
	flags.Var(&o.logLevel, "log-level", "least level of log lines (default: telemetry.logs.level)")
	flags.Var(&o.logFormat, "log-format", "format of log lines on standard error (default: telemetry.logs.console.format)")
	flags.BoolVar(&o.noColor, "no-color", false, "no colors, also on a terminal (or set NO_COLOR)")
	for name, complete := range map[string]cobra.CompletionFunc{
		"output": o.output.complete, "log-level": o.logLevel.complete, "log-format": o.logFormat.complete,
		"config": cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt),
	} {
		_ = root.RegisterFlagCompletionFunc(name, complete) // fails only for a flag that is not there
	}
}

func (p *program) configUsage() string {
	if len(p.settings.Config) > 0 {
		return "configuration `file` (default: " + defaultConfig + " in the working directory, or else what is built in)"
	}
	return "configuration `file` (default: " + defaultConfig + " in the working directory)"
}

func (p *program) json() bool { return p.options.output.value == outputJSON }
