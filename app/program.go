package app

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/command/create"
	"github.com/ergon-go/ergon/app/internal/command/describe"
	"github.com/ergon-go/ergon/app/internal/command/dev"
	"github.com/ergon-go/ergon/app/internal/command/dlq"
	"github.com/ergon-go/ergon/app/internal/command/doctor"
	"github.com/ergon-go/ergon/app/internal/command/enqueue"
	"github.com/ergon-go/ergon/app/internal/command/lint"
	"github.com/ergon-go/ergon/app/internal/command/queue"
	"github.com/ergon-go/ergon/app/internal/command/replay"
	"github.com/ergon-go/ergon/app/internal/command/run"
	"github.com/ergon-go/ergon/app/internal/command/transact"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/instrument"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/process"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/app/internal/version"
)

// program is one call of the command line.
type program struct {
	settings  Settings
	out       *output.Printer
	configs   *configuration.Loader
	telemetry *instrument.Setup
	version   version.Info
	flags     *pflag.FlagSet // has the variables
	began     bool           // a command was recognized: errors from now on are not about usage
}

func newProgram(s Settings, around process.Process) *program {
	p := &program{settings: s, out: output.New(s.Name, around), version: version.Of(s.Name, s.Version, around.BuildInfo)}
	p.configs = &configuration.Loader{
		Program: s.Name, Registry: s.Registry, BuiltIn: s.Config, LookupEnv: around.LookupEnv, Variables: p.lookup,
	}
	p.telemetry = &instrument.Setup{Out: p.out, Version: p.version.Version, Flush: s.Flush}
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
		Args:                  usage.OnlyCommands,
		RunE:                  func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun:      func(*cobra.Command, []string) { p.began = true },
	}
	root.Flags().Bool("version", false, "print the version")
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(usage.UnknownFlag)
	root.SetArgs(append([]string{}, p.out.Process.Args...))
	root.SetIn(p.out.Process.Stdin)
	root.SetOut(p.out.Process.Stdout)
	root.SetErr(p.out.Process.Stderr)
	root.AddGroup(
		&cobra.Group{ID: command.GroupRun, Title: "Running:"}, &cobra.Group{ID: command.GroupQueue, Title: "Queues and dead letters:"},
		&cobra.Group{ID: command.GroupLook, Title: "Inspecting:"},
	)
	p.addCommands(root)
	usage.RefuseUnknown(root)
	p.addOptions(root)
	return root, p.addVariables(root)
}

func (p *program) addCommands(root *cobra.Command) {
	out, configs, sessions := p.out, p.configs, &session.Opener{Out: p.out, Configs: p.configs, Telemetry: p.telemetry}
	running := &run.Command{Out: out, Configs: configs, Telemetry: p.telemetry}
	if p.settings.Epilogue != nil {
		running.Epilogue = p.epilogue
	}
	one := &transact.Commands{Out: out, Configs: configs, Telemetry: p.telemetry}
	root.AddCommand(
		running.Cobra(),
		(&dev.Command{Out: out, Configs: configs}).Cobra(),
		one.ByPayload(), one.ByID(),
		(&enqueue.Command{Out: out, Configs: configs, Sessions: sessions}).Cobra(),
		(&queue.Command{Out: out, Configs: configs, Sessions: sessions}).Cobra(),
		(&dlq.Command{Out: out, Configs: configs, Sessions: sessions}).Cobra(),
		(&replay.Command{Out: out, Configs: configs, Telemetry: p.telemetry, Sessions: sessions}).Cobra(),
		(&lint.Command{Out: out, Configs: configs, Telemetry: p.telemetry}).Cobra(),
		(&doctor.Command{Out: out, Configs: configs, Version: p.version}).Cobra(),
	)
	root.AddCommand((&describe.Commands{Out: out, Configs: configs, Telemetry: p.telemetry, Version: p.version}).Cobra()...)
	if p.settings.NewProject != nil {
		newProject := func(asked create.Project) ([]string, error) { return p.settings.NewProject(Project(asked)) }
		root.AddCommand((&create.Command{Out: out, NewProject: newProject}).Cobra())
	}
}
