package app

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// Project is a program that the command new is asked for.
type Project struct {
	// Folder is where it goes.
	Folder string
	// Module is the path of its Go module. Default "", which leaves it to the folder's name.
	Module string
	// Ergon is a clone of Ergon that it is to be built with. Default "", which leaves it to NewProject to find one, or to
	// use a release.
	Ergon string
}

func (p *program) newCommand() *cobra.Command {
	var project Project
	c := &cobra.Command{
		Use: "new <folder>", Short: "Write a program with one task, ready to run, into a new folder", GroupID: groupRun,
		Long: "Write a program with one task, ready to run, into a new folder: the task with its test, a configuration, a Makefile,\n" +
			"and what it takes to run it in containers.",
		Args: arguments("a folder"),
		RunE: func(_ *cobra.Command, args []string) error {
			project.Folder = args[0]
			return p.newProject(project)
		},
	}
	c.Flags().StringVar(&project.Module, "module", "", "`path` of its Go module, such as example.com/hello (default: the folder's name)")
	c.Flags().StringVar(&project.Ergon, "ergon", "", "`folder` of a clone of Ergon to build with (default: the one around the working "+
		"directory,\nor the one that this program was built from, unless that was a release)")
	return c
}

func (p *program) newProject(project Project) error {
	files, err := p.settings.NewProject(project)
	if err != nil {
		return &wrong{err: err}
	}
	if p.json() {
		return p.printJSON(map[string]any{"folder": project.Folder, "files": files})
	}
	var text strings.Builder
	for _, file := range files {
		text.WriteString(filepath.Join(project.Folder, file) + "\n")
	}
	fmt.Fprintf(&text, "\nIt runs: cd %s && make run\n", project.Folder)
	return p.print(text.String())
}
