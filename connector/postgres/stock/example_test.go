package stock_test

import (
	"fmt"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/postgres/stock"
)

// One line registers the connectors. A configuration refers to them by type.
func ExampleConnectors() {
	registry := config.NewRegistry()
	stock.Connectors(registry)
	for _, connector := range registry.Connectors() {
		fmt.Printf("%s: %s\n", connector.Name, connector.Description)
	}
	// Output:
	// postgres: a durable queue in PostgreSQL
	// postgres-dead-letters: dead letters in PostgreSQL
}
