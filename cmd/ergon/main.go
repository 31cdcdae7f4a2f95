// Command ergon runs pipelines that are written in YAML alone: the business logic is a program in any language, which is run for
// each transaction (task exec), or a URL to which each transaction is sent (task http). It also creates new programs whose
// business logic is written in Go (ergon new).
package main

import (
	_ "embed"
	"path/filepath"
	"runtime"

	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/cmd/ergon/scaffold"
)

// A program that is begun with this one needs the modules that this one is made of.
var (
	//go:embed go.mod
	goMod string
	//go:embed go.sum
	goSum string
)

func main() { app.Run(Program()) }

// Program returns the settings of the command line.
func Program() app.Settings {
	return app.Settings{
		Registry:    Registry(),
		Name:        "ergon",
		Description: "Run pipelines that are written in YAML, or begin one in Go.",
		NewProject:  newProject,
	}
}

func newProject(p app.Project) ([]string, error) {
	_, source, _, ok := runtime.Caller(0)
	if !ok {
		source = ""
	}
	return scaffold.Write(scaffold.Project{
		Folder: p.Folder, Module: p.Module, Clone: p.Ergon, GoMod: goMod, GoSum: goSum, BuiltFrom: filepath.Dir(source),
	})
}
