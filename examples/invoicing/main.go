// Command invoicing writes an invoice for each order: the smallest program with a task, a configuration and a command line.
package main

import (
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/sqlite/stock"
)

func main() { app.Main(Registry()) }

// Registry names the tasks and the connectors that a configuration can use.
func Registry() *config.Registry {
	r := config.NewRegistry()
	r.Task("invoicing", NewInvoicing, "writes an invoice for each order")
	stock.Connectors(r) // file, file-sink, queue, dead-letters
	return r
}
