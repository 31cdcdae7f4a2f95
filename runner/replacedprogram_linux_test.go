package runner_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// [E2] If an update replaces the program's file, worker processes still execute the old program.
func TestWorkerProcessesAreOfTheProgramThatRuns(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, text, 0o700); err != nil {
		t.Fatal(err)
	}
	c := isolatedTask{Folder: string(newFolder(t, "bad", "t00")), Does: "exit", Waits: true}
	cmd := exec.CommandContext(bounded(t), program)
	cmd.Env = append(os.Environ(), asProgram+"="+c.environ())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("an update"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	if got := folder(c.Folder).in("done"); len(got) != 2 {
		t.Errorf("done are %q, want both", got)
	}
}
