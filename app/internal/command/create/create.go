// Package create is the command new.
package create

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/command"
	"github.com/ergon-go/ergon/app/internal/output"
	"github.com/ergon-go/ergon/app/internal/usage"
)

// Project is a program that the command new is asked for.
type Project struct {
	Folder string
	Module string // "" for the folder's name
	Ergon  string // folder of a clone of Ergon to build with; "" for none in particular
}

// Command are the command new.
type Command struct {
	Out        *output.Printer
	NewProject func(Project) (files []string, err error)
}

// Cobra is the command.
func (n *Command) Cobra() *cobra.Command {
	var asked Project
	c := &cobra.Command{
		Use: "new <folder>", Short: "Create a program with one task, ready to run, in a new folder", GroupID: command.GroupRun,
		Long: "Create a program with one task, ready to run, in a new folder: the task with its test, a configuration, a Makefile,\n" +
			"and files to run it in containers.",
		Args: usage.Arguments("the folder"),
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

func (n *Command) run(asked Project) error {
	files, err := n.NewProject(asked)
	if err != nil {
		return &usage.Error{Err: err}
	}
	if n.Out.JSON() {
		return n.Out.PrintJSON(map[string]any{"folder": asked.Folder, "files": files})
	}
	var text strings.Builder
	for _, file := range files {
		text.WriteString(filepath.Join(asked.Folder, file) + "\n")
	}
	fmt.Fprintf(&text, "\nTo run it: cd %s && make run\n", asked.Folder)
	return n.Out.Print(text.String())
}
