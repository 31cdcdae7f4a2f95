package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/app"
	program "github.com/ergon-go/ergon/cmd/ergon"
)

// What `ergon new` writes is built, tested and run as its README says, without the network.
func TestNewProgramBuildsPassesItsTestsAndRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	folder := filepath.Join(t.TempDir(), "hello")
	if _, err := program.Program().NewProject(app.Project{Folder: folder, Module: "example.com/hello"}); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{
		{"go", "vet", "./..."},
		{"go", "test", "./..."},
		{"go", "build", "-o", "bin/hello", "."},
		{"bin/hello", "lint"},
		{"bin/hello", "run", "--log-level", "error"},
	} {
		inside(t, folder, command...)
	}
	welcomes := strings.Split(strings.TrimSpace(readFile(t, filepath.Join(folder, "out", "welcomes.jsonl"))), "\n")
	letters := readFile(t, filepath.Join(folder, "out", "dead-letters.jsonl"))
	if len(welcomes) != 3 || strings.Count(letters, "\n") != 1 || !strings.Contains(letters, "the address has no @") {
		t.Errorf("there are welcomes\n%s\nand dead letters\n%s", strings.Join(welcomes, "\n"), letters)
	}
	if out := inside(t, folder, "gofmt", "-l", "."); out != "" {
		t.Errorf("gofmt would change %s", out)
	}
}

func inside(t *testing.T, folder string, command ...string) string {
	t.Helper()
	name := command[0]
	if strings.Contains(name, "/") {
		name = filepath.Join(folder, name)
	}
	cmd := exec.CommandContext(t.Context(), name, command[1:]...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOWORK=", "GOFLAGS=-buildvcs=false")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
