package app

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// project is a program that the command new is asked for.
type project struct {
	Folder string
	Module string // "" for the folder's name
	Ergon  string // folder of a clone of Ergon to build with; "" for none in particular
}

// createCommands are the command new.
type createCommands struct {
	out        *printer
	newProject func(project) (files []string, err error)
}

func (n *createCommands) command() *cobra.Command {
	var asked project
	c := &cobra.Command{
		Use: "new <folder>", Short: "Write a program with one task, ready to run, into a new folder", GroupID: groupRun,
		Long: "Write a program with one task, ready to run, into a new folder: the task with its test, a configuration, a Makefile,\n" +
			"and what it takes to run it in containers.",
		Args: arguments("a folder"),
		RunE: func(_ *cobra.Command, args []string) error {
			asked.Folder = args[0]
			return n.run(asked)
		},
	}
	c.Flags().StringVar(&asked.Module, "module", "", "`path` of its Go module, such as example.com/hello (default: the folder's name)")
	c.Flags().StringVar(&asked.Ergon, "ergon", "", "`folder` of a clone of Ergon to build with (default: the one around the working "+
		"directory,\nor the one that this program was built from, unless that was a release)")
	return c
}

func (n *createCommands) run(asked project) error {
	files, err := n.newProject(asked)
	if err != nil {
		return &usageError{err: err}
	}
	if n.out.json() {
		return n.out.printJSON(map[string]any{"folder": asked.Folder, "files": files})
	}
	var text strings.Builder
	for _, file := range files {
		text.WriteString(filepath.Join(asked.Folder, file) + "\n")
	}
	fmt.Fprintf(&text, "\nIt runs: cd %s && make run\n", asked.Folder)
	return n.out.print(text.String())
}
