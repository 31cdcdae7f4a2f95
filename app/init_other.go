//go:build !linux

package app

// runAsInit is for containers.
func runAsInit() (code int, ran bool) { return 0, false }
