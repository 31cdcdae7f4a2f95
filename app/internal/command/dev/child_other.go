//go:build !unix

package dev

import "os/exec"

func ownProcessGroup(*exec.Cmd) {}

// terminate kills: this system has no SIGTERM.
func terminate(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
