package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/config"
)

// faulty is a file and all its faults, one per line.
type faulty struct{ yaml, want string }

func checkFaults(t *testing.T, cases map[string]faulty) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := config.Parse("f", []byte(c.yaml), registry(), environment())
			if got != nil || err == nil {
				t.Fatalf("no fault in:\n%s", c.yaml)
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("faults (-want +got):\n%s\nin:\n%s", diff, c.yaml)
			}
		})
	}
}

// inTask puts sections into the lines from the fourth on of a task that is right otherwise. In want, T is the task's path.
func inTask(sections, want string) faulty {
	return faulty{yaml: task("    " + sections + "\n"), want: strings.ReplaceAll(want, "T.", "tasks.birdstrikes.triage.")}
}

// inService is like inTask for the settings of a service, which begin at 4:40. In want, S is the service's path.
func inService(settings, want string) faulty {
	return inTask("services: {all: {type: everything, "+settings+"}}", strings.ReplaceAll(want, "S.", "T.services.all."))
}

// [C1]
func TestFileThatIsNoConfigurationIsOneFault(t *testing.T) {
	const noTasks = "no tasks; write at least one, such as tasks: {birdstrikes.triage: {connectors: {input: {type: …}}}}"
	checkFaults(t, map[string]faulty{
		"empty file":        {"", "f:1:1: " + noTasks},
		"only a comment":    {"# nothing\n", "f:1:1: " + noTasks},
		"empty document":    {"---\n", "f:1:1: " + noTasks},
		"tasks is null":     {"tasks:\n", "f:1:1: tasks: " + noTasks},
		"tasks is empty":    {"tasks: {}\n", "f:1:1: tasks: " + noTasks},
		"list":              {"- a\n", "f:1:1: is a list, must be a mapping with the key tasks"},
		"list of tasks":     {"tasks: [a]\n", "f:1:1: tasks: is a list, must be a mapping of names to tasks"},
		"other key":         {"task: {}\n", `f:1:1: unknown key "task"; did you mean "tasks"? known keys: tasks`},
		"tab at first":      {"tasks:\n\ta: {}\n", "f:2:1: is indented with a tab; use spaces"},
		"tab later":         {"tasks:\n  a: b\n\tc: d\n", "f:3:1: is indented with a tab; use spaces"},
		"Latin 1":           {"tasks:\n  caf\xe9:\n", "f:2:6: is not UTF-8; save the file in that encoding"},
		"UTF-16":            {"\xff\xfet\x00", "f:1:1: is not UTF-8; save the file in that encoding"},
		"control character": {"tasks:\n  é: \x00\n", "f:2:6: has the control character U+0000; remove it"},
		"two documents": {"tasks:\n---\ntasks:\n", "f:2:1: starts a second document; a configuration is one document: " +
			"put all tasks below one tasks key"},
		"open quote": {"tasks: 'a\n", "f:2:1: is not YAML: found unexpected end of stream while scanning a quoted scalar that " +
			"starts at 1:8"},
		"unknown alias": {"tasks: *nothing\n", "f:1:8: is not YAML: unknown anchor 'nothing' referenced"},
		"reference without quotes": {"tasks: {a: {x: ${OUT}}}\n", "f:1:17: is not YAML: did not find expected ',' or '}' while " +
			"parsing a flow mapping that starts at 1:12; put a value with ${…} in quotes inside {…} or […]"},
	})
}

// [C1]
func TestUnknownOrDoubleKeyIsAFault(t *testing.T) {
	checkFaults(t, map[string]faulty{
		"of a task": inTask("worker: {count: 1}", `f:4:5: tasks.birdstrikes.triage: unknown key "worker"; did you mean "workers"? `+
			`known keys: task, identity, settings, connectors, services, consumer, producer, workers, shutdown`),
		"of a policy": inTask("consumer: {process: {retrys: {}}}",
			`f:4:26: T.consumer.process: unknown key "retrys"; did you mean "retry"? known keys: retry`),
		"of a policy, unlike any": inTask("workers: {number: 1}", `f:4:15: T.workers: unknown key "number"; `+
			"known keys: count, isolation, heartbeat, crash_limit"),
		"within settings": inService("nested: {pasword: a}",
			`f:4:49: S.nested: unknown key "pasword"; did you mean "password"? known keys: password, dsn, tokens`),
		"written twice": inTask("workers: {count: 1}\n    workers: {count: 2}",
			`f:5:5: tasks.birdstrikes.triage: has the key "workers" twice, first in line 4; keep one`),
		"list as a key": inTask("workers: {? [a] : 1}", "f:4:17: T.workers: has a key that is a list, must be text"),
	})
}

// [C1]
func TestValueOfTheWrongKindIsAFault(t *testing.T) {
	const whole = "must be a whole number"
	checkFaults(t, map[string]faulty{
		"mapping: number": inTask("workers: 5", "f:4:14: T.workers: is 5, must be a mapping"),
		"mapping: list":   inTask("workers: [1]", "f:4:5: T.workers: is a list, must be a mapping"),
		"whole: list":     inTask("workers: {count: []}", "f:4:15: T.workers.count: is a list, "+whole),
		"whole: text":     inTask("workers: {count: abc}", `f:4:22: T.workers.count: is "abc", `+whole),
		"whole: quoted":   inTask(`workers: {count: "5"}`, `f:4:22: T.workers.count: is "5", `+whole+"; remove the quotes"),
		"whole: fraction": inTask("workers: {count: 5.0}", "f:4:22: T.workers.count: is 5.0, "+whole),
		"whole: octal":    inTask("workers: {count: 017}", "f:4:22: T.workers.count: is 017, "+whole),
		"whole: truth":    inTask("workers: {count: true}", "f:4:22: T.workers.count: is true, "+whole),
		"whole: tagged": inTask(`workers: {count: !!int "5"}`,
			"f:4:22: T.workers.count: has the tag !!int; write the value without a tag"),
		"whole: overflow": inTask("workers: {count: 99999999999999999999}",
			"f:4:22: T.workers.count: is 99999999999999999999, must be from -9223372036854775808 to 9223372036854775807"),
		"small: overflow":  inService("small: 128", "f:4:47: S.small: is 128, must be from -128 to 127"),
		"small: underflow": inService("small: -129", "f:4:47: S.small: is -129, must be from -128 to 127"),
		"count: overflow":  inService("count: 65536", "f:4:47: S.count: is 65536, must be from 0 to 65535"),
		"count: negative":  inService("count: -1", "f:4:47: S.count: is -1, must be from 0 to 65535"),
		"ratio: text":      inService("ratio: x", `f:4:47: S.ratio: is "x", must be a number`),
		"ratio: overflow":  inService("ratio: 1e999", "f:4:47: S.ratio: is 1e999, which is too large for a number of 64 bits"),
		"truth: yes":       inService("truth: yes", `f:4:47: S.truth: is "yes", must be true or false`),
		"truth: quoted":    inService(`truth: "true"`, `f:4:47: S.truth: is "true", must be true or false; remove the quotes`),
		"text: list":       inService("text: [x]", "f:4:40: S.text: is a list, must be text"),
		"address":          inService("address: x", `f:4:49: S.address: is "x", which is not valid: ParseAddr("x"): unable to parse IP`),
		"list: text":       inService("names: a", `f:4:47: S.names: is "a", must be a list`),
		"element":          inService("waits: [1s, 2]", "f:4:52: S.waits[1]: is 2, a duration needs a unit, such as 2s"),
		"value of a key":   inService("labels: {a: {b: c}}", "f:4:49: S.labels.a: is a mapping, must be text"),
		"optional":         inService("optional: x", `f:4:50: S.optional: is "x", `+whole),
	})
}

// [C1]
func TestDurationWithoutUnitIsAFaultThatSaysSo(t *testing.T) {
	const right = "must be a duration such as 250ms or 1m30s"
	checkFaults(t, map[string]faulty{
		"number":     inTask("shutdown: {grace: 5}", "f:4:23: T.shutdown.grace: is 5, a duration needs a unit, such as 5s"),
		"zero":       inTask("shutdown: {grace: 0}", "f:4:23: T.shutdown.grace: is 0, a duration needs a unit, such as 0s"),
		"fraction":   inTask("shutdown: {grace: 0.5}", "f:4:23: T.shutdown.grace: is 0.5, a duration needs a unit, such as 0.5s"),
		"milli":      inTask("shutdown: {grace: 1500}", "f:4:23: T.shutdown.grace: is 1500, a duration needs a unit, such as 1500ms"),
		"below":      inTask("shutdown: {grace: 999}", "f:4:23: T.shutdown.grace: is 999, a duration needs a unit, such as 999s"),
		"negative":   inTask("shutdown: {grace: -1000}", "f:4:23: T.shutdown.grace: is -1000, a duration needs a unit, such as -1000ms"),
		"quoted":     inTask(`shutdown: {grace: "5"}`, `f:4:23: T.shutdown.grace: is "5", a duration needs a unit, such as 5s`),
		"referenced": inTask(`shutdown: {grace: "${PORT}"}`, "f:4:23: T.shutdown.grace: is 17, a duration needs a unit, such as 17s"),
		"words":      inTask("shutdown: {grace: five}", `f:4:23: T.shutdown.grace: is "five", `+right),
		"space":      inTask("shutdown: {grace: 5 s}", `f:4:23: T.shutdown.grace: is "5 s", `+right),
		"empty":      inTask(`shutdown: {grace: ""}`, "f:4:23: T.shutdown.grace: is empty, "+right),
		"mapping":    inTask("shutdown: {grace: {}}", "f:4:16: T.shutdown.grace: is a mapping, "+right),
	})
}

// [C1]
func TestNameThatCannotBeAMetricOrFileIsAFault(t *testing.T) {
	const rule = `; a name begins with a letter and has up to 64 letters, digits, "_", "." and "-"`
	long := strings.Repeat("n", 65)
	checkFaults(t, map[string]faulty{
		"task": {
			`tasks: {"../x": {task: birdstrikes.triage, connectors: {input: {type: anything}, dead_letters: {type: anything}}}}`,
			`f:1:9: tasks: has the task name "../x"` + rule,
		},
		"connector": {
			`tasks: {birdstrikes.triage: {connectors: {input: {type: anything}, dead_letters: {type: anything}, 1st: {type: anything}}}}`,
			`f:1:100: tasks.birdstrikes.triage.connectors: has the connector name "1st"` + rule,
		},
		"service": inTask("services: {"+long+": {type: everything}}",
			`f:4:16: T.services: has the service name "`+long[:60]+`…"`+rule),
	})
	parse(t, task("    services: {"+long[:64]+": {type: everything}}\n"))
}

// [B3] What stands in ids has to be as the names that it stands for.
func TestIdentityThatCannotBePartOfAnIDIsAFault(t *testing.T) {
	checkFaults(t, map[string]faulty{
		"of two tasks": {
			task("    identity: price/orders\n") + strings.Replace(strings.TrimPrefix(task("    identity: price/orders\n"), "tasks:\n"),
				"birdstrikes.triage:", "again:\n    task: birdstrikes.triage", 1),
			"f:8:15: tasks.again.identity: is also that of task birdstrikes.triage, so both would make the same ids; give it to one of them",
		},
		"one name": inTask("identity: price", `f:4:15: T.identity: is "price", but it stands for the name of a task and that of a `+
			`source, with one slash between them and no spaces, such as price/orders`),
	})
}
