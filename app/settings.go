package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ergon-go/ergon/config"
)

// Settings are what a program brings to its command line. Only Registry is needed.
type Settings struct {
	// Registry says which tasks there are, and which types of connectors and services.
	Registry *config.Registry
	// Name is what the program is called in its help and messages. Default: the name of its file.
	Name string
	// Description says in a sentence what the program is for.
	Description string
	// Version is the program's version. Default: the version of its main module, as the Go toolchain recorded it.
	Version string
	// Config is the configuration, YAML, that is used where --config is not given and the working directory has no
	// ergon.yaml. Default: none, so that one of the two is needed.
	Config []byte
	// Variables are what a user may set of the configuration, by flags and by the environment.
	Variables []Variable
	// Epilogue, where set, writes what a user wants to know after the table of a run that came to its natural end: where
	// the results are. variable returns a variable's value, as ${…} would. It is not called with --output json.
	Epilogue func(w io.Writer, variable func(name string) string)
	// NewProject, where set, gives the command line the command new, for a program that others are begun with. It writes a
	// program and returns its files, relative to its folder. Its errors are those of what it was asked for.
	NewProject func(Project) (files []string, err error)
	// Flush, where set, is called last in a run: for telemetry providers that main has made.
	Flush func(context.Context) error
}

func (s Settings) withDefaults() Settings {
	if s.Name == "" && len(os.Args) > 0 {
		s.Name = filepath.Base(os.Args[0])
	}
	return s
}

func (s Settings) validate() error {
	if s.Registry == nil {
		return errors.New("the program has no registry: set app.Settings.Registry")
	}
	faults := []error{s.Registry.Err()}
	seen := map[string]bool{}
	for i, v := range s.Variables {
		switch {
		case v.Name == "":
			faults = append(faults, fmt.Errorf("app.Settings.Variables[%d] has no Name", i))
		case seen[v.Name]:
			faults = append(faults, fmt.Errorf("app.Settings.Variables has %s twice; remove one", v.Name))
		}
		seen[v.Name] = true
	}
	return errors.Join(faults...)
}
