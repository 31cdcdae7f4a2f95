//go:build darwin || freebsd || netbsd

package file

import (
	"io/fs"
	"syscall"
)

func inodeOf(info fs.FileInfo) inode {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return inode{}
	}
	return inode{device: uint64(s.Dev), number: uint64(s.Ino), changed: s.Ctimespec.Nano()} //nolint:gosec,unconvert // only its bits matter
}
