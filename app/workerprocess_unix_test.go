//go:build unix

package app_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// called calls the program in a process of its own.
func called(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, messages bytes.Buffer
	program := exec.CommandContext(t.Context(), self, args...)
	program.Env = append(os.Environ(), childVariable+"=1")
	program.Stdout, program.Stderr = &out, &messages
	if err := program.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &messages)
	}
	return out.String(), messages.String()
}

// [E2] The program is executed once more for each worker, with what it was called with, and only the one that the user has
// called says what came of it.
func TestWorkerProcessesWorkForTheirProgram(t *testing.T) {
	in(t, "tasks: {square: {task: math.square, connectors: {input: {type: numbers, count: 20}, dead_letters: {type: drain}},"+
		" workers: {count: 2, isolation: process}}}")
	stdout, stderr := called(t, "run", "--limit", "16", "--log-format", "json")
	text := spaces.ReplaceAllString(stdout, "$1 ")
	if strings.Count(text, "square: done in") != 1 || !strings.Contains(text, "fetched 16\n") {
		t.Errorf("got %s\nwant one summary, of 16 transactions of both workers together\n%s", text, stderr)
	}
	stdout, stderr = called(t, "run", "--log-format", "json")
	text = spaces.ReplaceAllString(stdout, "$1 ")
	if strings.Count(text, "square: done in") != 1 || !strings.Contains(text, "fetched 40\n") {
		t.Errorf("got %s\nwant one summary, of 40 transactions\n%s", text, stderr)
	}
	if strings.Count(stderr, "7 is unlucky") != 4 {
		t.Errorf("got %s\nwant what each worker has to say of the 7 and the 17", stderr)
	}
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "{") || !strings.Contains(line, `"worker":"square-`) {
			t.Errorf("got %q, want whole records that name their worker", line)
		}
	}
}

// [E2, O1] Each worker process exports for itself, and one id says that they belong together. Log files are their own.
func TestWorkerProcessesAreSeenOneByOne(t *testing.T) {
	r := collector(t)
	in(t, "tasks: {square: {task: math.square, connectors: {input: {type: numbers, count: 20}, dead_letters: {type: drain}},"+
		" workers: {count: 2, isolation: process}}}\n"+
		"telemetry: {otlp: {endpoint: '"+r.HTTP+"'}, traces: {exporters: [otlp]}, logs: {file: {path: out/log.jsonl}}}\n")
	called(t, "run")
	seen := map[string]map[string]bool{"ergon.worker": {}, "ergon.execution.id": {}}
	for _, traces := range r.Traces() {
		for _, a := range traces.GetResource().GetAttributes() {
			if values, ok := seen[a.GetKey()]; ok {
				values[a.GetValue().GetStringValue()] = true
			}
		}
	}
	if len(seen["ergon.execution.id"]) != 1 || !seen["ergon.worker"]["square-1"] || !seen["ergon.worker"]["square-2"] {
		t.Errorf("got %v, want both workers, of one execution", seen)
	}
	for _, name := range []string{"out/log.square-1.jsonl", "out/log.square-2.jsonl"} {
		if text, err := os.ReadFile(name); err != nil || !strings.Contains(string(text), "7 is unlucky") {
			t.Errorf("%s: %v, %q; want what the worker has to say", name, err, text)
		}
	}
}
