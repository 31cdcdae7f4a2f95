package pid1

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/term"
)

// Run does, in process 1, what is the duty of that: it starts this program once more, passes signals on to it, reaps
// what has lost its parent, and returns the exit code of the child. It reaps in a process of its own because a reaper
// beside os/exec takes exit codes away from that. Any other process is left alone, and so is this one where it cannot start
// itself.
func Run() (code int, ran bool) {
	if os.Getpid() != 1 {
		return 0, false
	}
	signals := make(chan os.Signal, 64) // before the child can need any
	signal.Notify(signals)
	child, err := startOnce()
	if err != nil {
		signal.Reset()
		fmt.Fprintf(os.Stderr, "process 1 cannot start itself as its child and continues without one: %v\n", err)
		return 0, false
	}
	for s := range signals {
		if s == syscall.SIGCHLD {
			if code, ended := reapUntil(child); ended {
				return code, true
			}
		} else if number, ok := s.(syscall.Signal); ok && !slices.Contains(ownSignals(), number) {
			_ = syscall.Kill(child, number) // which may just have ended
		}
	}
	return 0, false // never: signals is not closed
}

// ownSignals are for process 1 itself: from the runtime, and from a terminal that it is in the background of.
func ownSignals() []syscall.Signal {
	return []syscall.Signal{syscall.SIGURG, syscall.SIGPIPE, syscall.SIGTTIN, syscall.SIGTTOU}
}

// startOnce starts this program in a process group of its own, in the foreground of the terminal where there is one: what that
// sends, such as Ctrl-C, comes once, to the child.
func startOnce() (pid int, err error) {
	program, err := os.Executable()
	if err != nil {
		return 0, err
	}
	attributes := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true}}
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		attributes.Sys.Foreground, attributes.Sys.Ctty = true, stdin
		if pid, err = syscall.ForkExec(program, os.Args, attributes); err == nil { //nolint:gosec // it is this program
			return pid, nil
		}
		attributes.Sys.Foreground = false // a terminal, but not the one that controls this process
	}
	return syscall.ForkExec(program, os.Args, attributes) //nolint:gosec // as above
}

// reapUntil reaps all that has ended, and returns the exit code of the child where that was among them; 128 and the number of
// the signal that ended it, as shells do.
func reapUntil(child int) (code int, ended bool) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil || pid == 0:
			return code, ended
		case pid == child && status.Signaled():
			code, ended = 128+int(status.Signal()), true
		case pid == child:
			code, ended = status.ExitStatus(), true
		}
	}
}
