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
	return inode{device: uint64(s.Dev), number: s.Ino, changed: s.Ctim.Nano()} //nolint:unconvert // not everywhere a uint64
}
