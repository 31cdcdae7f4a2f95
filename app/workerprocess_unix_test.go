//go:build unix

package app_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// [E2] The program is executed once more for each worker, with what it was called with, and only the one that the user has
// called says what came of it.
func TestWorkerProcessesWorkForTheirProgram(t *testing.T) {
	in(t, "tasks: {square: {task: math.square, connectors: {input: {type: numbers, count: 20}, dead_letters: {type: drain}},"+
		" workers: {count: 2, isolation: process}}}")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	program := exec.CommandContext(t.Context(), self, "run", "--limit", "16", "--log-format", "json")
	program.Env = append(os.Environ(), childVariable+"=1")
	program.Stdout, program.Stderr = &stdout, &stderr
	if err := program.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	text := spaces.ReplaceAllString(stdout.String(), "$1 ")
	if strings.Count(text, "square: done in") != 1 || !strings.Contains(text, "fetched 16\n") {
		t.Errorf("got %s\nwant one summary, of 16 transactions\n%s", text, &stderr)
	}
	if strings.Count(stderr.String(), "7 is unlucky") != 2 {
		t.Errorf("got %s\nwant what each worker has to say of the 7", &stderr)
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "{") || !strings.Contains(line, `"worker":"square-`) {
			t.Errorf("got %q, want whole records that name their worker", line)
		}
	}
}
