package stock_test

import (
	"fmt"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/sqlite/stock"
)

// One line registers the connectors of a usual program. A configuration refers to them by type.
func ExampleConnectors() {
	registry := config.NewRegistry()
	stock.Connectors(registry)
	for _, connector := range registry.Connectors() {
		fmt.Printf("%s: %s\n", connector.Name, connector.Description)
	}
	// Output:
	// file: records of a CSV, JSON Lines or JSON file
	// file-sink: lines of JSON in a file
	// queue: a durable queue in a file
	// dead-letters: dead letters in the file of a queue
}
