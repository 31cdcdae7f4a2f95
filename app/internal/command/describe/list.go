// Package describe is the commands that show the configuration and the program: list, describe, config, connectors and
// version.
package describe

import (
	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/instrument"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/app/internal/version"
)

// Commands are the commands that show what is configured and what the program can do.
type Commands struct {
	Out       *output.Printer
	Configs   *configuration.Loader
	Telemetry *instrument.Setup
	Version   version.Info
}

// Cobra returns all of these commands.
func (d *Commands) Cobra() []*cobra.Command {
	return []*cobra.Command{d.listCommand(), d.describeCommand(), d.configCommand(), d.connectorsCommand(), d.versionCommand()}
}

func (d *Commands) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tasks of the configuration", GroupID: command.GroupLook, Args: usage.Arguments(),
		RunE: func(*cobra.Command, []string) error { return d.list() },
	}
}

type listedTask struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Description string `json:"description"`
}

func (d *Commands) list() error {
	c, err := d.Configs.Load()
	if err != nil {
		return err
	}
	tasks := make([]listedTask, 0, len(c.Tasks))
	rows := [][]table.Cell{d.Out.Heading("TASK", "KIND", "DESCRIPTION")}
	for _, t := range c.Tasks {
		listed := listedTask{Name: t.Name, Kind: t.Kind(), Description: c.Description(d.Configs.Registry, t)}
		tasks = append(tasks, listed)
		rows = append(rows, table.Row(listed.Name, listed.Kind, listed.Description))
	}
	if d.Out.JSON() {
		return d.Out.PrintJSON(map[string]any{"tasks": tasks})
	}
	return d.Out.Print(table.Format("", rows))
}
