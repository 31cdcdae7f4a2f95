package describe

import (
	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/telemetry"
)

func (d *Commands) configCommand() *cobra.Command {
	parent := &cobra.Command{
		Use: "config", Short: "Show the configuration in force, or the schema of configurations", GroupID: command.GroupLook,
		Args: usage.OnlyCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	parent.AddCommand(
		&cobra.Command{
			Use: "show", Short: "Print the configuration in force as YAML, with defaults and without secrets",
			Args: usage.Arguments(),
			RunE: func(*cobra.Command, []string) error { return d.showConfig() },
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON schema of configurations, for editors", Args: usage.Arguments(),
			RunE: func(*cobra.Command, []string) error { return d.showSchema() },
		},
	)
	return parent
}

func (d *Commands) showConfig() error {
	c, err := d.Configs.Load()
	if err != nil {
		return err
	}
	text, err := c.Show()
	if err != nil {
		return err
	}
	if d.Out.JSON() {
		return d.Out.PrintJSON(map[string]string{"source": c.Source, "yaml": string(text)})
	}
	return d.Out.Print("# from " + c.Source + "\n" + string(text))
}

func (d *Commands) showSchema() error {
	schema, err := config.Schema(d.Configs.Sections(telemetry.DefaultConfig()))
	if err != nil {
		return err
	}
	return d.Out.Print(string(schema))
}
