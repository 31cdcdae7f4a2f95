package config_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/policy"
)

func TestSchemaIsGeneratedFromTheRegisteredTypes(t *testing.T) {
	got, err := config.Schema(registry())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/schema.json", got)
}

// valid checks a YAML text against the schema of a registry.
func valid(t *testing.T, reg *config.Registry, text string) error {
	t.Helper()
	generated, err := config.Schema(reg)
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(generated, &schema); err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Load([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return checker{schema}.check(schema, value, "")
}

func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	files, err := filepath.Glob("testdata/ergon*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("found %d configurations, want at least 2: %v", len(files), err)
	}
	texts := []string{
		task(""),
		task("    consumer: ~\n    workers: {count: ~}\n    services: ~\n"),
		task("    workers: {count: \"${PORT}\"}\n" +
			"    consumer: {loop: {mode: \"${NOPE:-batch}\", streaming: \"${YES}\", timeout: \"${WAIT}\", execution: ~}}\n"),
		task("    shutdown: {grace: 1h2m3.5s, force: .5s}\n    consumer: {process: {retry: {jitter: 1, backoff: 100µs, timeout: 1s}}}\n"),
		task("    services: {all: {type: everything, text: 5, truth: true, optional: 7, labels: {a: 1}, waits: [1s]}}\n"),
		task("    services: {all: {type: everything, any: {b: [c]}, nested: ~}}\n"),
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	for _, text := range texts {
		if _, err := config.Parse("f", []byte(text), registry(), config.Environment{
			LookupEnv: environment().LookupEnv,
			ReadFile:  func(string) ([]byte, error) { return []byte("password"), nil },
		}); err != nil {
			t.Errorf("Parse: %v in\n%s", err, text)
		}
		if err := valid(t, registry(), text); err != nil {
			t.Errorf("the schema refuses: %v in\n%s", err, text)
		}
	}
}

func TestSchemaRefusesFaultyConfigurations(t *testing.T) {
	for text, want := range map[string]string{
		"tasks: {}\n":  "tasks: fewer than 1",
		"task: {}\n":   "task is not allowed",
		"x-only: {}\n": "tasks is required",
		"tasks: [a]\n": "tasks: is no object",
		"tasks: {birdstrikes.triage: {}, a b: {}}\n":                  "tasks.a b: does not match",
		task("    worker: {count: 1}\n"):                              "worker is not allowed",
		task("    consumer: {process: {retrys: {}}}\n"):               "retrys is not allowed",
		task("    shutdown: {grace: 5}\n"):                            "shutdown.grace: is no string",
		task("    shutdown: {grace: five}\n"):                         "shutdown.grace: does not match",
		task("    workers: {count: many}\n"):                          "workers.count: does not match",
		task("    workers: {count: 1.5}\n"):                           "workers.count: is no integer",
		task("    consumer: {loop: {mode: batched}}\n"):               "consumer.loop.mode: matches none",
		task("    task: nothing\n"):                                   "task: matches none",
		task("    services: {s: {type: file}}\n"):                     "services.s: matches 0 of",
		task("    services: {s: {type: everything, seed: 7}}\n"):      "services.s: matches 0 of",
		task("    services: {s: {text: x}}\n"):                        "type is required",
		task("    services: {s: {type: everything, names: a}}\n"):     "services.s: matches 0 of",
		task("    services: {s: {type: everything, waits: [1]}}\n"):   "services.s: matches 0 of",
		task("    services: {s: {type: everything, truth: maybe}}\n"): "services.s: matches 0 of",
	} {
		if _, err := config.Parse("f", []byte(text), registry(), environment()); err == nil {
			t.Errorf("Parse accepts\n%s", text)
		}
		if err := valid(t, registry(), text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the schema says %v, want it to say %q of\n%s", err, want, text)
		}
	}
}

func TestSchemaOfAnEmptyRegistryRefusesComponents(t *testing.T) {
	reg := config.NewRegistry()
	reg.Task("birdstrikes.triage", newTask, "")
	if err := valid(t, reg, "tasks: {birdstrikes.triage: {connectors: {}}}"); err != nil {
		t.Errorf("no connectors: %v", err)
	}
	if err := valid(t, reg, task("")); err == nil {
		t.Error("a connector of a type that is not registered is accepted")
	}
}

// The values that the schema lists are those that the policies accept.
func TestSchemaListsTheChoicesThatPoliciesHave(t *testing.T) {
	for key, refuse := range map[string]func(*policy.Loop){
		"mode":         func(l *policy.Loop) { l.Mode = "?" },
		"execution":    func(l *policy.Loop) { l.Execution = "?" },
		"on_exception": func(l *policy.Loop) { l.OnException = "?" },
		"ordering":     func(l *policy.Loop) { l.Ordering = "?" },
	} {
		consumer := policy.DefaultConsumer()
		refuse(&consumer.Loop)
		var fault *policy.Fault
		if !errors.As(consumer.Validate(), &fault) || fault.Path != "loop."+key {
			t.Fatalf("%s: the policy accepts anything", key)
		}
		_, list, _ := strings.Cut(fault.Problem, "must be one of ")
		got := choices(t, key)
		if want := strings.Fields(strings.NewReplacer("[", "", "]", "", `"`, "").Replace(list)); !slices.Equal(got, want) || len(want) < 2 {
			t.Errorf("%s: the schema lists %q, the policy accepts %q", key, got, want)
		}
	}
}

// choices returns the values that the schema lists for a key of the loop.
func choices(t *testing.T, key string) []string {
	t.Helper()
	generated, err := config.Schema(registry())
	if err != nil {
		t.Fatal(err)
	}
	type properties struct {
		Properties map[string]json.RawMessage `json:"properties"`
		AnyOf      []struct {
			Enum []string `json:"enum"`
		} `json:"anyOf"` //nolint:tagliatelle // the name is JSON schema's
	}
	var top struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(generated, &top); err != nil {
		t.Fatal(err)
	}
	at := top.Defs["task"]
	for _, name := range []string{"consumer", "loop", key} {
		var p properties
		if err := json.Unmarshal(at, &p); err != nil {
			t.Fatal(err)
		}
		at = p.Properties[name]
	}
	var leaf properties
	if err := json.Unmarshal(at, &leaf); err != nil || len(leaf.AnyOf) == 0 {
		t.Fatalf("the schema has no choices for %s: %v", key, err)
	}
	return leaf.AnyOf[0].Enum
}
