//go:build !unix

package reexec

import (
	"io"
	"syscall"
)

// Supported is whether [Start] works on this system.
const Supported = false

func inherited() (io.Reader, io.Writer, error) { return nil, nil, ErrUnsupported }
func killGroup(int)                            {}
func attributes() *syscall.SysProcAttr         { return nil }
func executable() (string, error)              { return "", ErrUnsupported }
