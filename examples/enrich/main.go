// Command enrich adds to each bird strike the office that is responsible for its state, from a table of a database. The same program
// works with SQLite and PostgreSQL: only the URL in ergon.yaml differs.
package main

import (
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/sqlite/stock"
	"github.com/ergon-go/ergon/service/database"
)

func main() { app.Main(Registry()) }

// Registry names the task, the connectors and the service that a configuration can use.
func Registry() *config.Registry {
	r := config.NewRegistry()
	r.Task("enrich", NewEnrich, "adds the responsible office to each bird strike")
	stock.Connectors(r)
	config.Service(r, "database", "PostgreSQL, SQLite or another SQL database", database.DefaultConfig(), database.New)
	return r
}
