//go:build failpoints

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// Variable is the environment variable that says where the process dies: "claim.commit", or "claim.commit:3" for the third
// time that the step is reached.
const Variable = "ERGON_FAILPOINT"

var passed atomic.Int64

// Hit kills the process, as kill -9 does, where Variable is step and moment joined by a dot.
func Hit(step, moment string) {
	name, times, counted := strings.Cut(os.Getenv(Variable), ":")
	if name != step+"."+moment {
		return
	}
	if n, err := strconv.ParseInt(times, 10, 64); counted && err == nil && passed.Add(1) < n {
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
		select {} // until it takes effect
	}
}
