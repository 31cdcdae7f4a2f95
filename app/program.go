package app

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// program is one call of the command line.
type program struct {
	settings  Settings
	out       *printer
	configs   *loader
	telemetry *telemetrySetup
	version   versions
	flags     *pflag.FlagSet // has the variables
	began     bool           // a command was recognized: errors from now on are not about usage
}

func newProgram(s Settings, process process) *program {
	p := &program{settings: s, out: newPrinter(s.Name, process), version: versionsOf(s.Name, s.Version, process.BuildInfo)}
	p.configs = &loader{program: s.Name, registry: s.Registry, builtIn: s.Config, lookupEnv: process.LookupEnv, variables: p.lookup}
	p.telemetry = &telemetrySetup{out: p.out, version: p.version.Version, flush: s.Flush}
	return p
}

// root is the program's own command, with all others.
func (p *program) root() (*cobra.Command, error) {
	root := &cobra.Command{
		Use:                   p.settings.Name,
		Short:                 p.settings.Description,
		Version:               p.version.Version,
		DisableFlagsInUseLine: true,
		SilenceErrors:         true,
		SilenceUsage:          true,
		Args:                  onlyCommands,
		RunE:                  func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun:      func(*cobra.Command, []string) { p.began = true },
	}
	root.Flags().Bool("version", false, "print the version")
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(unknownFlag)
	root.SetArgs(append([]string{}, p.out.process.Args...))
	root.SetIn(p.out.process.Stdin)
	root.SetOut(p.out.process.Stdout)
	root.SetErr(p.out.process.Stderr)
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Running:"}, &cobra.Group{ID: groupQueue, Title: "Queues and dead letters:"},
		&cobra.Group{ID: groupLook, Title: "Looking:"},
	)
	p.addCommands(root)
	refuseUnknown(root)
	p.addOptions(root)
	return root, p.addVariables(root)
}

func (p *program) addCommands(root *cobra.Command) {
	out, configs, sessions := p.out, p.configs, &sessions{out: p.out, configs: p.configs, telemetry: p.telemetry}
	run := &runCommands{out: out, configs: configs, telemetry: p.telemetry}
	if p.settings.Epilogue != nil {
		run.epilogue = p.epilogue
	}
	process := &transactCommands{out: out, configs: configs, telemetry: p.telemetry}
	root.AddCommand(
		run.command(), (&devCommands{out: out, configs: configs}).command(), process.command(), process.commandByID(),
		(&enqueueCommands{out: out, configs: configs, sessions: sessions}).command(), (&queueCommands{out: out, configs: configs, sessions: sessions}).command(),
		(&dlqCommands{out: out, configs: configs, sessions: sessions}).command(), (&replayCommands{out: out, configs: configs, telemetry: p.telemetry, sessions: sessions}).command(),
		(&lintCommands{out: out, configs: configs, telemetry: p.telemetry}).command(), (&doctorCommands{out: out, configs: configs, version: p.version}).command(),
	)
	root.AddCommand((&describeCommands{out: out, configs: configs, telemetry: p.telemetry, version: p.version}).commands()...)
	if p.settings.NewProject != nil {
		newProject := func(asked project) ([]string, error) { return p.settings.NewProject(Project(asked)) }
		root.AddCommand((&createCommands{out: out, newProject: newProject}).command())
	}
}
