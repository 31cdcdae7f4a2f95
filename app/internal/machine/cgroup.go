package machine

import (
	"io/fs"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// LimitMemory sets the memory limit of the runtime to nine tenths of the limit of the control group, unless GOMEMLIMIT is set.
func LimitMemory(root fs.FS, lookupEnv func(string) (string, bool)) {
	if value, set := lookupEnv("GOMEMLIMIT"); set && value != "" {
		return
	}
	if limit, ok := MemoryLimit(root); ok {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// MemoryLimit is the smallest limit of the control group (version 2) of the process and its parents; false if there is none.
func MemoryLimit(root fs.FS) (int64, bool) {
	least := int64(-1)
	eachGroup(root, func(folder string) {
		if limit, ok := limitIn(root, path.Join(folder, "memory.max")); ok && (least < 0 || limit < least) {
			least = limit
		}
	})
	return least, least > 0
}

// eachGroup calls look with the folder of the control group of the process, and of each parent.
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

// limitIn reads a limit; "max" and a missing file mean none.
func limitIn(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return limit, err == nil
}
