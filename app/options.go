package app

import (
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
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
	o.logLevel = choice{"info", []string{"debug", "info", "warn", "error"}}
	o.logFormat = choice{outputText, []string{outputText, outputJSON}}
	flags := root.PersistentFlags()
	flags.StringVar(&o.config, "config", "", p.configUsage())
	flags.Var(&o.output, "output", "format of what is printed to standard output")
	flags.Var(&o.logLevel, "log-level", "least level of log lines")
	flags.Var(&o.logFormat, "log-format", "format of log lines, on standard error")
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

// logger logs to w as the options say, and so do from now on the loggers that nobody has made.
func (p *program) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(p.options.logLevel.value)) // one of the choices
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(w, options)
	if p.options.logFormat.value == outputJSON {
		handler = slog.NewJSONHandler(w, options)
	}
	logger := slog.New(ergon.LogHandler(handler))
	p.process.SetLogger(logger)
	return logger
}
