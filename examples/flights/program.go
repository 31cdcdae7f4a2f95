package main

import (
	"embed"
	"fmt"
	"io"
	"path/filepath"

	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/examples/flights/airports"
)

var (
	//go:embed ergon.yaml
	configuration []byte
	//go:embed data/*.gz
	data embed.FS
)

const (
	outVariable = "OUT"
	outDefault  = "out"
	claimsFile  = "claims.jsonl"
)

// Program is the command line: three tasks, the embedded configuration, and its one variable.
func Program() app.Settings {
	return app.Settings{
		Registry:    Registry(),
		Name:        "flights",
		Description: "Make claims of flights that were late.",
		Config:      configuration,
		Variables:   []app.Variable{{Name: outVariable, Flag: "out", Default: outDefault, Usage: "folder of the output files"}},
		Epilogue:    describeResult,
	}
}

// Registry names the tasks, the connectors and the service that a configuration can use.
func Registry() *config.Registry {
	r := config.NewRegistry()
	r.Task("ingest", NewIngest, "put flights into a queue")
	r.Task("claims", NewAssess, "check flights, and make claims of the late ones")
	r.Task("export", NewExport, "write claims into a file, in the order of departure")
	config.Connector(r, "queue", "a queue in a file", sqlite.DefaultQueueConfig(), newQueue)
	config.Connector(r, "dead-letters", "dead letters in the file of a queue", sqlite.DefaultDeadLettersConfig(), newDeadLetters)
	config.Connector(r, "ledger", "claims in a file", LedgerConfig{Dir: "."}, NewLedger)
	config.Service(r, "airports", "airports of the United States", struct{}{}, newAirports)
	return r
}

func newQueue(c sqlite.QueueConfig) (*sqlite.Queue, error) {
	return sqlite.NewQueue(sqlite.QueueSettings{QueueConfig: c})
}

func newDeadLetters(c sqlite.DeadLettersConfig) (*sqlite.DeadLetters, error) {
	return sqlite.NewDeadLetters(sqlite.DeadLettersSettings{DeadLettersConfig: c})
}

func newAirports(struct{}) (*airports.Service, error) {
	return airports.NewService(data, "data/airports.csv.gz"), nil
}

// describeResult says where the claims are.
func describeResult(w io.Writer, variable func(string) string) {
	path := filepath.Join(variable(outVariable), claimsFile)
	claims, err := readClaims(path)
	switch {
	case err != nil:
		_, _ = fmt.Fprintf(w, "%s: %v\n", path, err)
	case len(claims) > 0:
		_, _ = fmt.Fprintf(w, "%s: %d claims, from %s to %s\n", path, len(claims), claims[0].Departure, claims[len(claims)-1].Departure)
	}
}
