package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon/config"
)

func TestAnchorsAliasesAndMergeKeysWork(t *testing.T) {
	c := parse(t, `
x-retry: &retry {max_attempts: 7, timeout: 1s}
x-loop: &loop {streaming: true, limit: 5}
tasks:
  one: &one
    task: birdstrikes.triage
    connectors: &connectors {input: {type: anything}, dead_letters: {type: file-sink, path: x}}
    consumer:
      process: {retry: *retry}
      success: {retry: {<<: *retry, timeout: 2s}}
      loop: {limit: 9, <<: [*loop, {streaming: false, os_threads: true, execution: sync}]}
  two:
    <<: *one
    workers: {count: 2}
`)
	for _, task := range c.Tasks {
		consumer := task.Consumer
		if got := consumer.Process.Retry; got.MaxAttempts != 7 || got.Timeout != time.Second || got.Jitter != 0.2 {
			t.Errorf("%s: process.retry = %+v, want the anchor's values over the defaults", task.Name, got)
		}
		if got := consumer.Success.Retry; got.MaxAttempts != 7 || got.Timeout != 2*time.Second {
			t.Errorf("%s: success.retry = %+v, want what is written to override what is merged", task.Name, got)
		}
		if got := consumer.Loop; !got.Streaming || !got.OSThreads || got.Limit != 9 {
			t.Errorf("%s: loop = %+v, want the first of the merged mappings to count", task.Name, got)
		}
		if len(task.Connectors) != 2 {
			t.Errorf("%s has %d connectors, want 2", task.Name, len(task.Connectors))
		}
	}
	if one, two := c.Tasks[0].Workers.Count, c.Tasks[1].Workers.Count; one != 1 || two != 2 {
		t.Errorf("workers = %d and %d, want 1 and 2", one, two)
	}
}

func TestFaultInAnAnchorIsReportedForEachPathThatUsesIt(t *testing.T) {
	checkFaults(t, map[string]faulty{
		"twice": inTask("consumer: {process: &p {retry: {max_attempts: x}}, success: *p}",
			`f:4:51: T.consumer.process.retry.max_attempts: is "x", must be a whole number`+"\n"+
				`f:4:51: T.consumer.success.retry.max_attempts: is "x", must be a whole number`),
		"merged from what is no mapping": inTask("workers: {<<: [5, {count: 2}], count: x}",
			"f:4:20: T.workers: merges something that is not a mapping with <<; write <<: *name, or <<: [*one, *other]\n"+
				`f:4:43: T.workers.count: is "x", must be a whole number`),
		"quoted merge key": inTask(`workers: {"<<": {}}`, `f:4:15: T.workers: unknown key "<<"; `+
			"known keys: count, isolation, heartbeat, crash_limit"),
	})
}

func TestAliasThatContainsItselfIsAFault(t *testing.T) {
	checkFaults(t, map[string]faulty{
		"list": inService("any: &a [1, *a]", "f:4:52: S.any[1]: is an alias of a value around it; write the value"),
		"merge": inTask("consumer: {fetch: &x {retry: {<<: *x}}}",
			"f:4:39: T.consumer.fetch.retry: is an alias of a value around it; write the value"),
	})
}

func TestAliasesThatExpandWithoutEndAreAFault(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("x-0: &x0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n")
	for i := range 9 {
		fmt.Fprintf(&bomb, "x-%d: &x%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d, ", i), 9), ", "))
	}
	bomb.WriteString(task("    services: {all: {type: everything, any: *x9}}\n"))
	_, err := config.Parse("f", []byte(bomb.String()), registry(), environment())
	var faults config.Faults
	const want = "is too large: with its aliases the file has more than 100000 values"
	if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Problem != want {
		t.Errorf("Parse = %.300v, want one fault about too many values", err)
	}
}

func TestDeeplyNestedValueIsAFault(t *testing.T) {
	nested := func(depth int) string {
		return task("    services: {all: {type: everything, any: " + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "}}\n")
	}
	parse(t, nested(90))
	_, err := config.Parse("f", []byte(nested(110)), registry(), environment())
	if err == nil || !strings.Contains(err.Error(), "is nested too deep; a configuration has fewer than 100 levels") {
		t.Errorf("Parse = %v, want a fault about the depth", err)
	}
}
