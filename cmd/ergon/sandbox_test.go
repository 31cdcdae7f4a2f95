package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/app"
	program "github.com/ergon-go/ergon/cmd/ergon"
)

// asProgram has the test binary be the program.
const asProgram = "ERGON_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		settings := program.Program()
		registerFaulty(settings.Registry)
		app.Run(settings)
	}
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // for the programs: each waited a second before its end
	os.Exit(m.Run())
}

// sandbox is a folder with a configuration, in which the program is called as in a shell.
type sandbox struct {
	*testing.T

	folder string
}

// newSandbox has a script of that name for the program.
func newSandbox(t *testing.T, name, configuration string) sandbox {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh")
	}
	s := sandbox{t, t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.write("ergon.yaml", configuration)
	s.write(name, "#!/bin/sh\n"+asProgram+"=1 exec '"+self+"' \"$@\"\n")
	if err := os.Chmod(filepath.Join(s.folder, name), 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s sandbox) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

// sh runs a script, which must end with this code, and returns what it wrote to standard output.
func (s sandbox) sh(code int, script string) string {
	s.Helper()
	c := exec.CommandContext(s.Context(), "sh", "-eu", "-c", script)
	c.Dir = s.folder
	c.Env = append(os.Environ(), "PATH="+s.folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || ended.ExitCode() != code) || err == nil && code != 0 {
		s.Fatalf("%s\nended with %v, want exit code %d:\n%s%s", script, err, code, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// want wants a part of what a script says.
func (s sandbox) want(script string, parts ...string) {
	s.Helper()
	said := s.sh(0, script)
	for _, part := range parts {
		if !strings.Contains(said, part) {
			s.Errorf("%s\nsaid\n%swant %q in it", script, said, part)
		}
	}
}
