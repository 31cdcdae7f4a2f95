package app

import (
	"github.com/spf13/cobra"
)

// describeCommands are the commands that show what is configured and what the program can do.
type describeCommands struct {
	out       *printer
	configs   *loader
	telemetry *telemetrySetup
	version   versions
}

// commands are all of them.
func (d *describeCommands) commands() []*cobra.Command {
	return []*cobra.Command{d.listCommand(), d.describeCommand(), d.configCommand(), d.connectorsCommand(), d.versionCommand()}
}

func (d *describeCommands) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tasks of the configuration", GroupID: groupLook, Args: arguments(),
		RunE: func(*cobra.Command, []string) error { return d.list() },
	}
}

type listedTask struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Description string `json:"description"`
}

func (d *describeCommands) list() error {
	c, err := d.configs.load()
	if err != nil {
		return err
	}
	tasks := make([]listedTask, 0, len(c.Tasks))
	rows := [][]cell{d.out.heading("TASK", "KIND", "DESCRIPTION")}
	for _, t := range c.Tasks {
		listed := listedTask{Name: t.Name, Kind: t.Kind(), Description: c.description(d.configs.registry, t)}
		tasks = append(tasks, listed)
		rows = append(rows, cells(listed.Name, listed.Kind, listed.Description))
	}
	if d.out.json() {
		return d.out.printJSON(map[string]any{"tasks": tasks})
	}
	return d.out.print(table("", rows))
}
