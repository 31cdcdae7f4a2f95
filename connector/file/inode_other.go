//go:build !(linux || darwin || freebsd || netbsd)

package file

import "io/fs"

// inodeOf knows nothing here: what a checkpoint was made for is always compared by its content.
func inodeOf(fs.FileInfo) inode { return inode{} }
