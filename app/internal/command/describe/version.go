package describe

import (
	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/table"
	"github.com/ergon-go/ergon/app/internal/usage"
)

func (d *Commands) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions of the program, of Ergon and of Go", GroupID: command.GroupLook, Args: usage.Arguments(),
		RunE: func(*cobra.Command, []string) error { return d.printVersion() },
	}
}

func (d *Commands) printVersion() error {
	v := d.Version
	if d.Out.JSON() {
		return d.Out.PrintJSON(v)
	}
	rows := [][]table.Cell{table.Row(v.Name, v.Version)}
	if v.Revision != "" {
		rows = append(rows, table.Row("revision", v.Revision))
	}
	return d.Out.Print(table.Format("", append(rows, table.Row("ergon", v.Ergon), table.Row("go", v.Go), table.Row("platform", v.Platform))))
}
