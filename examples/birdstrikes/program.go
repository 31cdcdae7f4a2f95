package main

import (
	"embed"

	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/examples/birdstrikes/energy"
)

var (
	//go:embed ergon.yaml
	configuration []byte
	//go:embed data/birdstrikes.csv.gz
	data embed.FS
)

// Program is the command line: the task, the embedded configuration, and its one variable.
func Program() app.Settings {
	return app.Settings{
		Registry:    Registry(),
		Name:        "birdstrikes",
		Description: "Write tickets for severe wildlife strikes on aircraft.",
		Config:      configuration,
		Variables:   []app.Variable{{Name: outVariable, Flag: "out", Default: outDefault, Usage: "folder of the output files"}},
		Epilogue:    describeResults,
	}
}

// Registry names the task, the connectors and the service that a configuration can use.
func Registry() *config.Registry {
	r := config.NewRegistry()
	r.Task("triage", NewTriage, "judge wildlife strikes and send tickets for the severe ones")
	config.Connector(r, "embedded-file", "records of a file in this program", file.DefaultSourceConfig(), openEmbedded)
	config.Connector(r, "file", "records of a CSV, JSON Lines or JSON file", file.DefaultSourceConfig(), openFile)
	config.Connector(r, "file-sink", "lines of JSON in a file", file.DefaultSinkConfig(), openSink)
	config.Connector(r, "dead-letters", "dead letters in a file", sqlite.DefaultDeadLettersConfig(), openDeadLetters)
	config.Service(r, "impact-energy", "energy of an impact; fails by a script", energy.Faults{}, openEnergy)
	return r
}

func openEmbedded(c file.SourceConfig) (*file.Source, error) {
	return file.NewSource(file.SourceSettings{SourceConfig: c, FS: data})
}

func openFile(c file.SourceConfig) (*file.Source, error) {
	return file.NewSource(file.SourceSettings{SourceConfig: c})
}

func openSink(c file.SinkConfig) (*file.Sink, error) {
	return file.NewSink(file.SinkSettings{SinkConfig: c})
}

func openDeadLetters(c sqlite.DeadLettersConfig) (*sqlite.DeadLetters, error) {
	return sqlite.NewDeadLetters(sqlite.DeadLettersSettings{DeadLettersConfig: c})
}

func openEnergy(f energy.Faults) (*energy.Service, error) { return energy.NewService(f), nil }
