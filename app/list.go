package app

import (
	"github.com/spf13/cobra"
)

func (p *program) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tasks of the configuration", GroupID: groupLook, Args: arguments(),
		RunE: func(*cobra.Command, []string) error { return p.list() },
	}
}

type listedTask struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Description string `json:"description"`
}

func (p *program) list() error {
	c, err := p.load()
	if err != nil {
		return err
	}
	tasks := make([]listedTask, 0, len(c.Tasks))
	rows := [][]cell{p.heading("TASK", "KIND", "DESCRIPTION")}
	for _, t := range c.Tasks {
		listed := listedTask{Name: t.Name, Kind: t.Kind(), Description: c.description(p.settings.Registry, t)}
		tasks = append(tasks, listed)
		rows = append(rows, cells(listed.Name, listed.Kind, listed.Description))
	}
	if p.json() {
		return p.printJSON(map[string]any{"tasks": tasks})
	}
	return p.print(table("", rows))
}

// heading is the first row of a table on standard output.
func (p *program) heading(texts ...string) []cell {
	row := cells(texts...)
	for i := range row {
		row[i].paint = p.colorsFor(p.process.Stdout).bold
	}
	return row
}
