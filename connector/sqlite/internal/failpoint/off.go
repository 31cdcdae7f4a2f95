//go:build !failpoints

package failpoint

// Hit is where a process may be killed. In this build it does nothing.
func Hit(_, _ string) {}
