package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/policy"
)

// [C1]
func TestConfigurationIsDecodedOntoDefaults(t *testing.T) {
	t.Setenv("OUT", "elsewhere")
	c, err := config.Load("testdata/ergon.yaml", registry())
	if err != nil {
		t.Fatal(err)
	}
	consumer := policy.DefaultConsumer()
	consumer.Loop.Concurrency.Value = 32
	consumer.Loop.Limit = 100
	consumer.Process.Retry.MaxAttempts = 4
	consumer.Process.Retry.Timeout = 250 * time.Millisecond
	workers := policy.DefaultWorkers()
	workers.Count = 2
	want := []ergon.TaskConfig{
		{
			Name: "triage", Consumer: consumer, Producer: policy.DefaultProducer(), Workers: workers,
			Shutdown: policy.Shutdown{Grace: 90 * time.Second, Force: 5 * time.Second},
		},
		{
			Name: "birdstrikes.triage", Consumer: policy.DefaultConsumer(), Producer: policy.DefaultProducer(),
			Workers: policy.DefaultWorkers(), Shutdown: policy.DefaultShutdown(),
		},
	}
	if diff := cmp.Diff(want, c.Tasks, cmpopts.IgnoreFields(ergon.TaskConfig{}, "New", "Connectors", "Services")); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	if c.Tasks[0].New == nil {
		t.Error("the task has no constructor")
	}
	input := build[*source](t, c.Tasks[0].Connectors["input"], "file")
	wantInput := sourceSettings{Path: "data/strikes.csv", Format: "csv", MaxLine: 4096, Poll: time.Second}
	if diff := cmp.Diff(wantInput, input.settings); diff != "" {
		t.Errorf("input (-want +got):\n%s", diff)
	}
	tickets := build[*sink](t, c.Tasks[0].Connectors["tickets"], "file-sink")
	if want := (sinkSettings{"elsewhere/tickets.jsonl", "replace"}); tickets.settings != want {
		t.Errorf("tickets = %+v, want %+v", tickets.settings, want)
	}
	if got := build[everything](t, c.Tasks[0].Services["all"], "everything"); got.Nested.Password != "from a file" {
		t.Errorf("password = %q, want that in the file beside the configuration", got.Nested.Password)
	}
}

// [C1] [C2] What a retry leaves out has its default; a zero that is written means what it means in code.
func TestPartOfARetryIsDecodedOntoTheDefault(t *testing.T) {
	for yaml, change := range map[string]func(*policy.Retry){
		"{}":                             func(*policy.Retry) {},
		"{max_attempts: 5}":              func(r *policy.Retry) { r.MaxAttempts = 5 },
		"{max_attempts: 3, timeout: 1s}": func(r *policy.Retry) { r.Timeout = time.Second },
		"{backoff: 20s}":                 func(r *policy.Retry) { r.Backoff = 20 * time.Second }, // longer than the default cap
		"{max_attempts: 3, timeout: 1s, backoff: 0s, backoff_multiplier: 0, backoff_cap: 0s, jitter: 0}": func(r *policy.Retry) {
			*r = policy.Retry{MaxAttempts: 3, Timeout: time.Second}
		},
	} {
		want := policy.DefaultRetry()
		change(&want)
		c := parse(t, task("    consumer: {process: {retry: "+yaml+"}, fetch: {retry: "+yaml+"}}\n"+
			"    producer: {prepare: {retry: "+yaml+"}}\n"))
		consumer, producer := c.Tasks[0].Consumer, c.Tasks[0].Producer
		for where, got := range map[string]policy.Retry{
			"process": consumer.Process.Retry, "fetch": consumer.Fetch.Retry, "prepare": producer.Prepare.Retry,
		} {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s with %s (-want +got):\n%s", where, yaml, diff)
			}
		}
	}
}

func build[T any](t *testing.T, component ergon.Component, typeName string) T {
	t.Helper()
	made, err := component.New()
	if err != nil {
		t.Fatal(err)
	}
	typed, ok := made.(T)
	if !ok || component.Type != typeName {
		t.Fatalf("made a %T of type %q, want a %T of type %q", made, component.Type, typed, typeName)
	}
	return typed
}

func TestListOrMappingReplacesTheDefaultAndLeavesItUntouched(t *testing.T) {
	for yaml, want := range map[string][]string{"unnamed: x": {"a", "b"}, "names: [c]": {"c"}, "names: []": {}, "names: ~": {"a", "b"}} {
		if got := settings(t, yaml).Names; !cmp.Equal(got, want) {
			t.Errorf("%s: names = %q, want %q", yaml, got, want)
		}
	}
}

func TestNullKeepsTheDefault(t *testing.T) {
	got := settings(t, "text: ~, truth: , small: null, ratio: ~, wait: ~, address: ~, optional: ~, labels: ~, any: ~, nested: ~, region: ~")
	if diff := cmp.Diff(defaultEverything(), got, addresses); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	c := parse(t, task("    services: ~\n    consumer: {process: ~, loop: {concurrency: ~}}\n    workers:\n    shutdown: {grace: ~}\n"))
	if diff := cmp.Diff(policy.DefaultConsumer(), c.Tasks[0].Consumer); diff != "" {
		t.Errorf("consumer (-want +got):\n%s", diff)
	}
}

func TestErrorOfAComponentSaysWhereItIsConfigured(t *testing.T) {
	c := parse(t, "tasks:\n  birdstrikes.triage:\n    connectors:\n      input: {type: anything}\n      dead_letters: {type: anything}\n")
	_, err := c.Tasks[0].Connectors["input"].New()
	const want = "ergon.yaml:4:7: tasks.birdstrikes.triage.connectors.input: out of order"
	if err == nil || err.Error() != want {
		t.Errorf("New: %v, want %s", err, want)
	}
}

func TestFileThatCannotBeReadIsAnError(t *testing.T) {
	folder := t.TempDir()
	large := filepath.Join(folder, "large.yaml")
	if err := os.WriteFile(large, []byte(strings.Repeat("# a comment\n", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(folder, "none.yaml"): "no such file",
		folder:                             "is a directory",
		large:                              "it is larger than 1048576 bytes",
	} {
		_, err := config.Load(path, registry())
		if err == nil || !strings.HasPrefix(err.Error(), "read configuration") || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("Load = %v, want an error that says %q of %s", err, want, path)
		}
		if want == "no such file" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Load = %v, want it to wrap fs.ErrNotExist", err)
		}
	}
}

func TestReferencedFilesAreReadSafely(t *testing.T) {
	outside, folder := t.TempDir(), t.TempDir()
	write := func(folder, name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := write(outside, "secret", "outside\r\n")
	write(folder, "inside", "two lines\n\n")
	write(folder, "large", strings.Repeat("x", 1<<20+1))
	if err := os.Symlink(secret, filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	load := func(path string) (string, error) {
		file := write(folder, "ergon.yaml", task("    services: {all: {type: everything, text: \"${file:"+path+"}\"}}\n"))
		c, err := config.Load(file, registry())
		if err != nil {
			return "", err
		}
		return build[everything](t, c.Tasks[0].Services["all"], "everything").Text, nil
	}
	for path, want := range map[string]string{"inside": "two lines\n", "./inside": "two lines\n", secret: "outside"} {
		if got, err := load(path); got != want || err != nil {
			t.Errorf("${file:%s} = %q, %v; want %q", path, got, err, want)
		}
	}
	up, err := filepath.Rel(folder, secret)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		up: "path escapes from parent", "link": "path escapes from parent", "none": "no such file", ".": "not a regular file",
		"large": "larger than 1048576 bytes", outside: "not a regular file",
	} {
		got, err := load(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "text: uses ${file:"+path+"}: ") {
			t.Errorf("${file:%s} = %q, %v; want an error that says %q", path, got, err, want)
		}
	}
}
