package machine

import (
	"io/fs"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// LimitMemory has the runtime collect garbage harder before the control group's limit is reached, unless somebody has
// said what the limit is.
func LimitMemory(root fs.FS, lookupEnv func(string) (string, bool)) {
	if value, set := lookupEnv("GOMEMLIMIT"); set && value != "" {
		return
	}
	if limit, ok := MemoryLimit(root); ok {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// MemoryLimit is the least limit of the process's control group (version 2) and those around it; false where there is
// none, or no such thing as control groups.
func MemoryLimit(root fs.FS) (int64, bool) {
	least := int64(-1)
	eachGroup(root, func(folder string) {
		if limit, ok := limitIn(root, path.Join(folder, "memory.max")); ok && (least < 0 || limit < least) {
			least = limit
		}
	})
	return least, least > 0
}

// eachGroup calls look with the folder of the process's control group, and of those around it.
func eachGroup(root fs.FS, look func(folder string)) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(groups)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		if !ok {
			continue
		}
		for folder := path.Join("sys/fs/cgroup", group); strings.HasPrefix(folder, "sys/fs/cgroup"); folder = path.Dir(folder) {
			look(folder)
		}
	}
}

// limitIn reads a limit; "max", or a file that is not there, means none.
func limitIn(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return limit, err == nil
}
