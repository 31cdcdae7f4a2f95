package app

import (
	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/telemetry"
)

func (p *program) configCommand() *cobra.Command {
	parent := &cobra.Command{
		Use: "config", Short: "Show the configuration in force, or the schema of what can be in one", GroupID: groupLook,
		Args: p.onlyCommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	parent.AddCommand(
		&cobra.Command{
			Use: "show", Short: "Print the configuration in force as YAML: every key, defaults included, secrets left out",
			Args: arguments(),
			RunE: func(*cobra.Command, []string) error { return p.showConfig() },
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON schema of configurations, for editors", Args: arguments(),
			RunE: func(*cobra.Command, []string) error { return p.showSchema() },
		},
	)
	return parent
}

func (p *program) showConfig() error {
	c, err := p.load()
	if err != nil {
		return err
	}
	text, err := c.Show()
	if err != nil {
		return err
	}
	if p.json() {
		return p.printJSON(map[string]string{"source": c.source, "yaml": string(text)})
	}
	return p.print("# from " + c.source + "\n" + string(text))
}

func (p *program) showSchema() error {
	schema, err := config.Schema(p.registry(telemetry.DefaultConfig()))
	if err != nil {
		return err
	}
	return p.print(string(schema))
}
