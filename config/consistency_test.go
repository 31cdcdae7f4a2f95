package config_test

import "testing"

// [C2]
func TestPolicyThatCannotBeIsAFaultAtTheNearestWrittenKey(t *testing.T) {
	checkFaults(t, map[string]faulty{
		"value":             inTask("workers: {count: -1}", "f:4:22: T.workers.count: is -1, must be at least 1 (nothing would run)"),
		"negative duration": inTask("shutdown: {grace: -5s}", "f:4:23: T.shutdown.grace: is -5s, must not be negative"),
		"choice": inTask("consumer: {loop: {mode: batched}}",
			`f:4:29: T.consumer.loop.mode: is "batched", must be one of ["continuous" "batch"]`),
		"combination in a mapping": inTask("consumer: {loop: {batch: {min_size: 5}}}", "f:4:23: T.consumer.loop.batch: "+
			"min_size 5, size 100 and max_size 0 must be in this order, from 1; remove min_size and max_size for a fixed size"),
		"combination": inTask("consumer: {loop: {transaction_timeout: 10s}, process: {retry: {timeout: 20s}}}",
			"f:4:77: T.consumer.process.retry.timeout: 20s is longer than loop.transaction_timeout 10s, so it could never be reached; lower it"),
	})
}

func TestFaultyValueIsNotReportedAgainByTheCombinationItIsIn(t *testing.T) {
	checkFaults(t, map[string]faulty{
		"max_size is missing only because it is faulty": inTask("consumer: {loop: {batch: {min_size: 5, max_size: x}}}",
			`f:4:54: T.consumer.loop.batch.max_size: is "x", must be a whole number`),
		"task is no mapping": {"tasks: {birdstrikes.triage: 5}", "f:1:29: tasks.birdstrikes.triage: is 5, must be a mapping"},
		"connectors is no mapping": {
			"tasks: {birdstrikes.triage: {connectors: [input]}}",
			"f:1:30: tasks.birdstrikes.triage.connectors: is a list, must be a mapping of names to connectors",
		},
		"dead letters go to a connector of an unknown type": {
			"tasks: {birdstrikes.triage: {connectors: {input: {type: anything}, dead_letters: {type: zzz}}}}",
			"f:1:89: tasks.birdstrikes.triage.connectors.dead_letters.type: unknown connector type \"zzz\"; " +
				"known connector types: file, file-sink, anything",
		},
	})
}

func TestUnknownTaskIsAFault(t *testing.T) {
	const connectors = "connectors: {input: {type: anything}, dead_letters: {type: anything}}"
	checkFaults(t, map[string]faulty{
		"named": {
			"tasks: {triage: {task: birdstrike.triage, " + connectors + "}}",
			`f:1:24: tasks.triage.task: unknown task "birdstrike.triage"; did you mean "birdstrikes.triage"? known tasks: birdstrikes.triage`,
		},
		"by the task's own name": {
			"tasks: {triage: {" + connectors + "}}",
			`f:1:9: tasks.triage.task: unknown task "triage"; known tasks: birdstrikes.triage; the key task says which one it is, ` +
				`without it the task's own name does`,
		},
	})
}

// [C2]
func TestConnectorsThatAPolicyNamesMustBeThereAndFit(t *testing.T) {
	const toSource = `set dead_letter to "source" for a source that keeps its dead letters, or on_exception to requeue or discard`
	checkFaults(t, map[string]faulty{
		"fetch: not there": inTask("consumer: {fetch: {connector: inptu}}", `f:4:35: T.consumer.fetch.connector: unknown connector "inptu"; `+
			`did you mean "input"? known connectors: input, dead_letters; add it, or name the connector to fetch from`),
		"fetch: empty": inTask(`consumer: {fetch: {connector: ""}}`, "f:4:35: T.consumer.fetch.connector: is empty, must name a connector"),
		"fetch: a sink": inTask("consumer: {fetch: {connector: dead_letters}}", `f:4:35: T.consumer.fetch.connector: is the connector `+
			`"dead_letters" of type file-sink, but nothing can be fetched from it; known connector types that can: file, anything`),
		"dead letters: not there": inTask("consumer: {loop: {dead_letter: dlq}}", `f:4:36: T.consumer.loop.dead_letter: unknown connector `+
			`"dlq"; known connectors: input, dead_letters; add it, or `+toSource),
		"dead letters: a source": inTask("consumer: {loop: {dead_letter: input}}", `f:4:36: T.consumer.loop.dead_letter: is the connector `+
			`"input" of type file, but nothing can be sent to it; known connector types that can: file-sink, anything`),
		"neither is there": {
			"tasks:\n  birdstrikes.triage:\n",
			`f:2:3: tasks.birdstrikes.triage.consumer.fetch.connector: unknown connector "input"; there are no connectors; ` +
				"it is the default: add it, or name the connector to fetch from\n" +
				`f:2:3: tasks.birdstrikes.triage.consumer.loop.dead_letter: unknown connector "dead_letters"; there are no connectors; ` +
				"it is the default: add it, or " + toSource,
		},
	})
}

func TestDeadLetterConnectorIsNotNeededWhereNoDeadLettersAreWritten(t *testing.T) {
	for _, loop := range []string{"dead_letter: source", "on_exception: requeue", "on_exception: discard"} {
		parse(t, "tasks: {birdstrikes.triage: {connectors: {input: {type: file, path: x}}, consumer: {loop: {"+loop+"}}}}")
	}
}

func TestComponentNeedsAKnownTypeAndValidSettings(t *testing.T) {
	const types = "known connector types: file, file-sink, anything"
	of := func(input, want string) faulty {
		return faulty{"tasks: {birdstrikes.triage: {connectors: {dead_letters: {type: file-sink}, input: " + input + "}}}", want}
	}
	checkFaults(t, map[string]faulty{
		"nothing":     of("", "f:1:76: tasks.birdstrikes.triage.connectors.input: has no type; "+types),
		"no type":     of("{path: x}", "f:1:76: tasks.birdstrikes.triage.connectors.input: has no type; "+types),
		"null type":   of("{type: }", "f:1:76: tasks.birdstrikes.triage.connectors.input: has no type; "+types),
		"number":      of("5", "f:1:83: tasks.birdstrikes.triage.connectors.input: is 5, must be a mapping with the key type"),
		"faulty type": of("{type: [file]}", "f:1:84: tasks.birdstrikes.triage.connectors.input.type: is a list, must be text"),
		"misspelt": of("{type: fiel, path: x}", `f:1:90: tasks.birdstrikes.triage.connectors.input.type: unknown connector type "fiel"; `+
			`did you mean "file"? `+types),
		"what its Validate says": of("{type: file, format: xml}", "f:1:76: tasks.birdstrikes.triage.connectors.input.path: is empty, "+
			"must name a file\nf:1:104: tasks.birdstrikes.triage.connectors.input.format: is xml, must be csv or jsonl"),
		"connector as a service": {
			task("    services: {s: {type: file}}\n"),
			`f:4:26: tasks.birdstrikes.triage.services.s.type: unknown service type "file"; known service types: everything`,
		},
	})
}
