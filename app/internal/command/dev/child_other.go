//go:build !unix

package dev

import "os/exec"

func apart(*exec.Cmd) {}

// terminate cannot ask here, only end.
func terminate(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
