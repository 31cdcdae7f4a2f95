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
	self, err := os.Stat(selfLink)
	if err != nil {
		return path, nil //nolint:nilerr // there is no such link, so the name has to do
	}
	if named, err := os.Stat(path); err != nil || !os.SameFile(named, self) {
		return selfLink, nil //nolint:nilerr // what has the name is not this program
	}
	return path, nil
}
