package crashrun

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// alive reports whether a process still runs. One that has died and that nobody has asked about yet does not.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil || p.Signal(syscall.Signal(0)) != nil {
		return false
	}
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // where there is such a thing
	_, after, found := strings.Cut(string(state), ") ")
	return err != nil || !found || !strings.HasPrefix(after, "Z")
}
