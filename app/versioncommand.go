package app

import "github.com/spf13/cobra"

func (d *describeCommands) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions of the program, of Ergon and of Go", GroupID: groupLook, Args: arguments(),
		RunE: func(*cobra.Command, []string) error { return d.printVersion() },
	}
}

func (d *describeCommands) printVersion() error {
	v := d.version
	if d.out.json() {
		return d.out.printJSON(v)
	}
	rows := [][]cell{cells(v.Name, v.Version)}
	if v.Revision != "" {
		rows = append(rows, cells("revision", v.Revision))
	}
	return d.out.print(table("", append(rows, cells("ergon", v.Ergon), cells("go", v.Go), cells("platform", v.Platform))))
}
