package reexec

import (
	"fmt"
	"os"
	"syscall"
)

const selfLink = "/proc/self/exe"

// attributes have the kernel kill the child when its parent ends, also when that happens while it is being started.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// executable is the file of this program; where another has taken its name since the start, as an update does, the link
// by which the kernel still reaches this one.
func executable() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the file of this program: %w", err)
	}
	named, err := os.Stat(path)
	self, selfErr := os.Stat(selfLink)
	if selfErr == nil && (err != nil || !os.SameFile(named, self)) {
		return selfLink, nil
	}
	return path, nil
}
