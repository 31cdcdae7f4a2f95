//go:build !unix

package bench

import "time"

// cpuTime is how long this process has had a processor; it is known on Unix only.
func cpuTime() time.Duration { return 0 }
