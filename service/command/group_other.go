//go:build !unix

package command

import "os/exec"

// isolate leaves the program as it is: it alone is killed when its time is over, which is what os/exec does.
func isolate(*exec.Cmd) {}

func killGroup(*exec.Cmd) {}
