package main

import (
	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
	postgres "github.com/ergon-go/ergon/connector/postgres/stock"
	"github.com/ergon-go/ergon/connector/sqlite/stock"
	"github.com/ergon-go/ergon/service/command"
	"github.com/ergon-go/ergon/service/webhook"
	"github.com/ergon-go/ergon/task/relay"
)

// Registry defines the names that a configuration can use.
func Registry() *config.Registry {
	r := config.NewRegistry()
	config.Task(r, "exec", "runs a program for each transaction: payload on standard input, result on standard output; "+
		"exit code 65 is BUSINESS, 75 asks for another attempt", command.DefaultConfig(), newExec)
	config.Task(r, "http", "sends each transaction to a URL; 4xx is BUSINESS, 429 and 5xx are tried again", webhook.DefaultConfig(), newHTTP)
	stock.Connectors(r)
	postgres.Connectors(r)
	config.Connector(r, "generator", "transactions made up, to try things out", DefaultGeneratorConfig(), newGenerator)
	return r
}

func newExec(c command.Config, d *ergon.Dependencies) ergon.Task {
	service, err := command.New(c, d.Logger())
	d.Fault(err)
	return relay.New(d, service)
}

func newHTTP(c webhook.Config, d *ergon.Dependencies) ergon.Task {
	service, err := webhook.New(c)
	d.Fault(err)
	return relay.New(d, service)
}
