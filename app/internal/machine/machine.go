// Package machine knows the machine that the program runs on: control groups, disk space, processors and the clock.
package machine

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/ergon-go/ergon/app/internal/version"
)

// Machine is what doctor checks of a machine.
type Machine struct {
	Root        fs.FS // of the file system, for control groups
	LookupEnv   func(string) (string, bool)
	Now         time.Time
	BuiltAt     time.Time                   // zero if it is unknown
	Synced      func() (synced, known bool) // the clock
	Processors  int                         // that Go uses at once
	MemoryLimit int64                       // that Go collects garbage for; math.MaxInt64 for none
	Space       func(folder string) (free uint64, known bool)
	Writable    func(folder string) error
}

// This is the machine that the program runs on.
func This(lookupEnv func(string) (string, bool), build func() (*debug.BuildInfo, bool)) Machine {
	m := Machine{
		Root: os.DirFS("/"), LookupEnv: lookupEnv, Now: time.Now(), Synced: clockSynced, Processors: runtime.GOMAXPROCS(0),
		MemoryLimit: debug.SetMemoryLimit(-1), Space: freeSpace, Writable: writable,
	}
	if info, ok := build(); ok {
		m.BuiltAt, _ = time.Parse(time.RFC3339, version.Setting(info, "vcs.time"))
	}
	return m
}

// CPULimit is the smallest quota of the control group (version 2) of the process and its parents, in processors.
func CPULimit(root fs.FS) (float64, bool) {
	least := math.Inf(1)
	eachGroup(root, func(folder string) {
		text, err := fs.ReadFile(root, path.Join(folder, "cpu.max"))
		if err != nil {
			return
		}
		quota, period, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		q, err1 := strconv.ParseFloat(quota, 64)
		p, err2 := strconv.ParseFloat(period, 64)
		if err1 == nil && err2 == nil && p > 0 {
			least = min(least, q/p)
		}
	})
	return least, !math.IsInf(least, 1)
}
