//go:build unix

package reexec

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// Supported is whether [Start] works on this system.
const Supported = true

// inherited opens the child's ends of the pipes. Programs that the child starts do not inherit them.
func inherited() (io.Reader, io.Writer, error) {
	var files [2]*os.File
	for i, fd := range []int{fromParent, toParent} {
		var stat syscall.Stat_t
		if err := syscall.Fstat(fd, &stat); err != nil {
			return nil, nil, fmt.Errorf("file descriptor %d: %w", fd, err)
		}
		if stat.Mode&syscall.S_IFMT != syscall.S_IFIFO {
			return nil, nil, fmt.Errorf("file descriptor %d is not a pipe", fd)
		}
		syscall.CloseOnExec(fd)
		if err := syscall.SetNonblock(fd, true); err != nil {
			return nil, nil, fmt.Errorf("file descriptor %d: %w", fd, err)
		}
		files[i] = os.NewFile(uintptr(fd), "worker-process")
	}
	return files[0], files[1], nil
}

// killGroup ignores errors: the only one is that no process of the group is left.
func killGroup(leader int) { _ = syscall.Kill(-leader, syscall.SIGKILL) }
