package config_test

import (
	"context"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/policy"
)

// producingRegistry knows a task of each kind beside those of registry.
func producingRegistry() *config.Registry {
	reg := registry()
	prepare := func(context.Context, ergon.Transaction) error { return nil }
	process := func(context.Context, ergon.Transaction) (any, error) { return []ergon.Transaction{}, nil }
	reg.Task("sends", func(*ergon.Dependencies) ergon.Task { return ergon.Task{Prepare: prepare} }, "produces only")
	reg.Task("both", func(*ergon.Dependencies) ergon.Task { return ergon.Task{Prepare: prepare, Process: process} }, "is a hybrid")
	reg.Task("own", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Execute: func(context.Context, ergon.TaskRun) error { return nil }}
	}, "has a flow of its own")
	reg.Task("needy", func(*ergon.Dependencies) ergon.Task { panic("there is no service") }, "is known only with its services")
	return reg
}

// [B1]
func TestTaskThatOnlyProducesNeedsNoSource(t *testing.T) {
	for name, want := range map[string]string{
		"sends": "", "own": "", "needy": "",
		"both": "f:1:9: tasks.both.consumer.fetch.connector: unknown connector \"input\"; known connectors: output; it is the default: " +
			"add it, or name the connector to fetch from\n" +
			"f:1:9: tasks.both.consumer.loop.dead_letter: unknown connector \"dead_letters\"; known connectors: output; it is the default: " +
			"add it, or set dead_letter to \"source\" for a source that keeps its dead letters, or on_exception to requeue or discard",
	} {
		text := "tasks: {" + name + ": {connectors: {output: {type: file-sink, path: x}}}}"
		_, err := config.Parse("f", []byte(text), producingRegistry(), environment())
		if got := errorText(err); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// [C1]
func TestProducerIsDecodedOntoItsDefaults(t *testing.T) {
	c := parse(t, task("    producer: {loop: {throttle: {rate: 0.5}, batch: {size: 7}}, prepare: {retry: {max_attempts: 5}}}\n"))
	want := policy.DefaultProducer()
	want.Loop.Throttle.Rate, want.Loop.Batch.Size, want.Prepare.Retry.MaxAttempts = 0.5, 7, 5
	if got := c.Tasks[0].Producer; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	checkFaults(t, map[string]faulty{
		"throttle": inTask("producer: {loop: {throttle: {burst: 0}}}",
			"f:4:41: T.producer.loop.throttle.burst: is 0, must be at least 1 (nothing could be started)"),
	})
}
