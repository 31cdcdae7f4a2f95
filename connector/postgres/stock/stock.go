// Package stock registers the connectors of a PostgreSQL database, in one line:
//
//	registry := config.NewRegistry()
//	stock.Connectors(registry)
//
//	type                    what it is
//	postgres                a source and a sink: a durable queue in PostgreSQL
//	postgres-dead-letters   a sink: dead letters in PostgreSQL
package stock

import (
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/postgres"
)

// Connectors registers the two types. If reg has a type of the same name already, that is a fault of reg; see
// [config.Registry.Err].
func Connectors(reg *config.Registry) {
	config.Connector(reg, "postgres", "a durable queue in PostgreSQL", postgres.DefaultQueueConfig(),
		func(c postgres.QueueConfig) (*postgres.Queue, error) {
			return postgres.NewQueue(postgres.QueueSettings{QueueConfig: c})
		})
	config.Connector(reg, "postgres-dead-letters", "dead letters in PostgreSQL", postgres.DefaultDeadLettersConfig(),
		func(c postgres.DeadLettersConfig) (*postgres.DeadLetters, error) {
			return postgres.NewDeadLetters(postgres.DeadLettersSettings{DeadLettersConfig: c})
		})
}
