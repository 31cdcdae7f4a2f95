//go:build unix

package dev

import (
	"os/exec"
	"syscall"
)

// apart keeps the terminal's Ctrl-C from a child, which is stopped by whoever started it.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGTERM) }
