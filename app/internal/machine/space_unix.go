//go:build linux || darwin

package machine

import "syscall"

// freeSpace is what a user may still write below a folder.
func freeSpace(folder string) (uint64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, false
	}
	// The type of a block's size differs between systems.
	return s.Bavail * uint64(s.Bsize), true
}

func writable(folder string) error {
	const write, search = 2, 1
	return syscall.Access(folder, write|search)
}
