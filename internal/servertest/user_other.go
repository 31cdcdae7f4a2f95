//go:build !unix

package servertest

import "os/exec"

func giveTo(string) error { return nil }

func asOther(c *exec.Cmd) *exec.Cmd { return c }
