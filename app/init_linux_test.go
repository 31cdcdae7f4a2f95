package app_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// asInit has a command run as process 1 of a new PID namespace, as in a container.
func asInit(t *testing.T) func(*exec.Cmd) {
	t.Helper()
	attributes := func() *syscall.SysProcAttr {
		return &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWPID | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
	}
	try := exec.CommandContext(t.Context(), "sh", "-c", "exit $(($$ - 1))")
	try.SysProcAttr = attributes()
	if err := try.Run(); err != nil {
		t.Skipf("there are no new PID namespaces here: %v", err)
	}
	return func(cmd *exec.Cmd) { cmd.SysProcAttr = attributes() }
}

// [F5]
func TestProcessOnePassesSignalsOnAndTakesOverTheExitCode(t *testing.T) {
	init := asInit(t)
	in(t, "tasks: {waiting: {connectors: {input: {type: endless}}, consumer: {loop: {streaming: true, on_exception: discard}}}}")
	for signal, want := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130, syscall.SIGHUP: 129} {
		stdout, stderr, code := stoppedAs(t, init, "run", signal)
		if code != want || !strings.HasSuffix(stderr, "reckon: stopped by "+name(signal)+"\n") {
			t.Errorf("%s: code %d, want %d; stdout %s; stderr %s", signal, code, want, stdout, stderr)
		}
	}
	in(t, "tasks: {deaf: {connectors: {input: {type: numbers, count: 2}}, consumer: {loop: {on_exception: discard}}}}")
	if _, stderr, code := stoppedAs(t, init, "run", syscall.SIGTERM, syscall.SIGTERM); code != 143 {
		t.Errorf("forced: code %d, want 143; stderr %s", code, stderr)
	}
	if _, stderr, code := stoppedAs(t, init, "run nothing"); code != 2 {
		t.Errorf("usage: code %d, want 2; stderr %s", code, stderr)
	}
	if _, stderr, code := stoppedAs(t, init, "run", syscall.SIGABRT); code != 2 || !strings.Contains(stderr, "SIGABRT: abort") {
		t.Errorf("SIGABRT, of which Go programs die with 2: code %d; stderr %s", code, stderr)
	}
}

func name(s syscall.Signal) string {
	return map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT", syscall.SIGHUP: "SIGHUP"}[s]
}

// [F5]
func TestProcessOneReapsAndTakesNoExitCodeFromPrograms(t *testing.T) {
	init := asInit(t)
	in(t, "tasks: {orphaning: {connectors: {input: {type: numbers, count: 4}}, "+
		"consumer: {loop: {on_exception: discard}, process: {retry: {max_attempts: 1}}}}}")
	stdout, stderr, code := stoppedAs(t, init, "run")
	if code != 0 || !strings.Contains(stdout, "succeeded  4") {
		t.Errorf("code %d; stdout %s; stderr %s", code, stdout, stderr)
	}
}
