// Package stock registers the connectors that a program usually needs, in one line:
//
//	registry := config.NewRegistry()
//	stock.Connectors(registry)
//
//	type           what it is
//	file           a source: records of a CSV, JSON Lines or JSON file
//	file-sink      a sink: lines of JSON in a file
//	queue          a source and a sink: a durable queue in a SQLite file
//	dead-letters   a sink: dead letters in the SQLite file of a queue
//
// It is in the module of connector/sqlite, because it needs the driver of that module. A program that needs files only
// registers them with [config.Connector].
package stock

import (
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// Connectors registers the four types. If reg has a type of the same name already, that is a fault of reg; see
// [config.Registry.Err].
func Connectors(reg *config.Registry) {
	config.Connector(reg, "file", "records of a CSV, JSON Lines or JSON file", file.DefaultSourceConfig(), newSource)
	config.Connector(reg, "file-sink", "lines of JSON in a file", file.DefaultSinkConfig(), newSink)
	config.Connector(reg, "queue", "a durable queue in a file", sqlite.DefaultQueueConfig(), newQueue)
	config.Connector(reg, "dead-letters", "dead letters in the file of a queue", sqlite.DefaultDeadLettersConfig(),
		newDeadLetters)
}

func newSource(c file.SourceConfig) (*file.Source, error) {
	return file.NewSource(file.SourceSettings{SourceConfig: c})
}

func newSink(c file.SinkConfig) (*file.Sink, error) {
	return file.NewSink(file.SinkSettings{SinkConfig: c})
}

func newQueue(c sqlite.QueueConfig) (*sqlite.Queue, error) {
	return sqlite.NewQueue(sqlite.QueueSettings{QueueConfig: c})
}

func newDeadLetters(c sqlite.DeadLettersConfig) (*sqlite.DeadLetters, error) {
	return sqlite.NewDeadLetters(sqlite.DeadLettersSettings{DeadLettersConfig: c})
}
