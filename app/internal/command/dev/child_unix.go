//go:build unix

package dev

import (
	"os/exec"
	"syscall"
)

// ownProcessGroup keeps Ctrl-C of the terminal from a child: dev stops it.
func ownProcessGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGTERM) }
