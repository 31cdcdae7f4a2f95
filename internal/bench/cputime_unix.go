//go:build unix

package bench

import (
	"syscall"
	"time"
)

// cpuTime is how long this process has had a processor, on all of them together; 0 where that cannot be known.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
