// Command invoicing writes an invoice for each order: the smallest program with a task, a configuration and a command line.
package main

import (
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/file"
)

func main() { app.Main(Registry()) }

// Registry names the tasks and the connectors that a configuration can use.
func Registry() *config.Registry {
	r := config.NewRegistry()
	r.Task("invoicing", NewInvoicing, "writes an invoice for each order")
	config.Connector(r, "file", "records of a CSV, JSON Lines or JSON file", file.DefaultSourceConfig(),
		func(c file.SourceConfig) (*file.Source, error) {
			return file.NewSource(file.SourceSettings{SourceConfig: c})
		})
	config.Connector(r, "file-sink", "lines of JSON in a file", file.DefaultSinkConfig(),
		func(c file.SinkConfig) (*file.Sink, error) {
			return file.NewSink(file.SinkSettings{SinkConfig: c})
		})
	return r
}
