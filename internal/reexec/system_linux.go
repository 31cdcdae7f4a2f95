package reexec

import (
	"fmt"
	"os"
	"syscall"
)

const selfLink = "/proc/self/exe"

// attributes make the kernel kill the child when the thread of its parent ends, even while the child is being started.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// executable returns the path of this program. If another file has its name by now, as after an update, it returns the kernel's
// link to this program.
func executable() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the file of this program: %w", err)
	}
	self, err := os.Stat(selfLink)
	if err != nil {
		return path, nil //nolint:nilerr // there is no such link: use the name
	}
	if named, err := os.Stat(path); err != nil || !os.SameFile(named, self) {
		return selfLink, nil //nolint:nilerr // another file has the name
	}
	return path, nil
}
