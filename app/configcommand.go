package app

import (
	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/telemetry"
)

func (d *describeCommands) configCommand() *cobra.Command {
	parent := &cobra.Command{
		Use: "config", Short: "Show the configuration in force, or the schema of what can be in one", GroupID: groupLook,
		Args: onlyCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	parent.AddCommand(
		&cobra.Command{
			Use: "show", Short: "Print the configuration in force as YAML: every key, defaults included, secrets left out",
			Args: arguments(),
			RunE: func(*cobra.Command, []string) error { return d.showConfig() },
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON schema of configurations, for editors", Args: arguments(),
			RunE: func(*cobra.Command, []string) error { return d.showSchema() },
		},
	)
	return parent
}

func (d *describeCommands) showConfig() error {
	c, err := d.configs.load()
	if err != nil {
		return err
	}
	text, err := c.Show()
	if err != nil {
		return err
	}
	if d.out.json() {
		return d.out.printJSON(map[string]string{"source": c.source, "yaml": string(text)})
	}
	return d.out.print("# from " + c.source + "\n" + string(text))
}

func (d *describeCommands) showSchema() error {
	schema, err := config.Schema(d.configs.sections(telemetry.DefaultConfig()))
	if err != nil {
		return err
	}
	return d.out.print(string(schema))
}
