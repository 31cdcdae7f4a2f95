package main

import (
	"context"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// [I1] Two generators into one queue make no id twice, where they are of two tasks, or of two connectors of one, or have another
// name or seed; one that is run again makes the same ones.
func TestGeneratorsIntoOneQueueDoNotCollide(t *testing.T) {
	t.Chdir(t.TempDir())
	c := sqlite.DefaultQueueConfig()
	c.Path, c.MaxWait = "queue.db", 0
	queue, err := sqlite.NewQueue(sqlite.QueueSettings{QueueConfig: c})
	if err == nil {
		err = queue.Open(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = queue.Close(context.WithoutCancel(t.Context())) })
	for _, one := range []struct {
		task, connector string
		name            string
		seed            uint64
		stored          int64
	}{
		{"bill", "input", "", 0, 10},
		{"ship", "input", "", 0, 20},
		{"ship", "other", "", 0, 30},
		{"ship", "input", "", 1, 40},
		{"ship", "input", "orders", 0, 50},
		{"bill", "input", "", 0, 50},
		{"bill", "input", "orders", 0, 50},
	} {
		c := DefaultGeneratorConfig()
		c.Name, c.Seed = one.name, one.seed
		g, err := newGenerator(c)
		if err != nil {
			t.Fatal(err)
		}
		g.BindWorker(capability.Worker{Task: one.task, Component: one.connector, Count: 1})
		batch, err := g.FetchTransactions(t.Context(), 100)
		if err == nil {
			err = queue.DispatchTransactions(t.Context(), batch)
		}
		if err != nil {
			t.Fatal(err)
		}
		if stats, err := queue.InspectQueue(t.Context()); err != nil || stats.Ready != one.stored {
			t.Errorf("after %+v the queue has %d, %v", one, stats.Ready, err)
		}
	}
}

func TestGeneratorConfigurationIsValidated(t *testing.T) {
	for name, change := range map[string]func(*GeneratorConfig){
		"count":                                 func(c *GeneratorConfig) { c.Count = 0 },
		"name: is \"a\\n\"":                     func(c *GeneratorConfig) { c.Name = "a\n" },
		"name: is \"" + strings.Repeat("ü", 65): func(c *GeneratorConfig) { c.Name = strings.Repeat("ü", 65) },
	} {
		c := DefaultGeneratorConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("got %v, want a fault that begins with %s", err, name)
		}
	}
	c := DefaultGeneratorConfig()
	c.Name = strings.Repeat("ü", 64)
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
