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

// Settings configure the command line of a program. Only Registry is required.
type Settings struct {
	// Registry has the tasks, and the types of connectors and services.
	Registry *config.Registry
	// Name is the name of the program in its help and messages. Default: the name of its file.
	Name string
	// Description says in one sentence what the program is for.
	Description string
	// Version is the program's version. Default: the version of its main module, as the Go toolchain recorded it.
	Version string
	// Config is the built-in configuration, in YAML. It is used without --config if the working directory has no ergon.yaml.
	// Default: none.
	Config []byte
	// Variables are variables of the configuration that users can set by flags and by the environment.
	Variables []Variable
	// Epilogue, if set, writes a text after the summary of a run that ended by itself, such as where the results are. variable
	// returns the value of a variable, as ${…} does. It is not called with --output json.
	Epilogue func(w io.Writer, variable func(name string) string)
	// NewProject, if set, adds the command new, which creates a program. It returns the files that it wrote, relative to the
	// folder. Its errors are errors of the arguments: the exit code is 2.
	NewProject func(Project) (files []string, err error)
	// Flush, if set, is called at the end of a run: for telemetry providers that main made.
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
