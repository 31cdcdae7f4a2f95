//go:build !linux

package pid1

// Run does nothing: containers run on Linux.
func Run() (code int, ran bool) { return 0, false }
