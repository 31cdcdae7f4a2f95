package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/ergon-go/ergon/app/internal/machine"
	"github.com/ergon-go/ergon/app/internal/text"
	"github.com/ergon-go/ergon/app/internal/version"
	"github.com/ergon-go/ergon/internal/humanize"
)

// checkMachine checks what does not depend on a task.
func checkMachine(m machine.Machine, v version.Info) []finding {
	return []finding{
		checkMemory(m), checkProcessors(m), checkClock(m),
		{Status: statusOK, Check: "versions", Found: fmt.Sprintf("%s %s, ergon %s, %s, %s", v.Name, v.Version, v.Ergon, v.Go, v.Platform)},
	}
}

func checkMemory(m machine.Machine) finding {
	f := finding{Status: statusOK, Check: "memory", Found: "no limit"}
	group, limited := machine.MemoryLimit(m.Root)
	own := m.MemoryLimit != math.MaxInt64
	switch {
	case limited && !own:
		f.Status = statusWarn
		f.Found = fmt.Sprintf("the control group allows %s, but GOMEMLIMIT is not set", humanize.Bytes(group))
		f.Cure = "set GOMEMLIMIT to nine tenths of it"
	case limited && m.MemoryLimit > group:
		f.Status = statusFail
		f.Found = fmt.Sprintf("GOMEMLIMIT is %s, but the control group allows %s", humanize.Bytes(m.MemoryLimit), humanize.Bytes(group))
		f.Cure = "remove GOMEMLIMIT, or set it to nine tenths of what the control group allows"
	case limited:
		f.Found = fmt.Sprintf("Go keeps below %s of %s", humanize.Bytes(m.MemoryLimit), humanize.Bytes(group))
	case own:
		f.Found = "GOMEMLIMIT is " + humanize.Bytes(m.MemoryLimit)
	}
	return f
}

func checkProcessors(m machine.Machine) finding {
	f := finding{Status: statusOK, Check: "processors", Found: fmt.Sprintf("Go uses %d at once", m.Processors)}
	if quota, ok := machine.CPULimit(m.Root); ok {
		f.Found += fmt.Sprintf(", the control group allows %.3g", quota)
		if most := max(int(math.Ceil(quota)), 2); m.Processors > most { // Go never goes below 2 by itself
			f.Status = statusWarn
			f.Cure = fmt.Sprintf("remove GOMAXPROCS, or set it to %d: more processors are throttled, which causes latency", most)
		}
	}
	return f
}

func checkClock(m machine.Machine) finding {
	f := finding{Status: statusOK, Check: "clock", Found: text.Time(m.Now)}
	if m.Now.Before(m.BuiltAt) {
		f.Status, f.Found = statusFail, fmt.Sprintf("the time is %s, but the program was built at %s", text.Time(m.Now), text.Time(m.BuiltAt))
		f.Cure = "set the clock: leases, delays and certificates depend on it"
		return f
	}
	if synced, known := m.Synced(); known && !synced {
		f.Status, f.Found = statusWarn, f.Found+", not synchronized"
		f.Cure = "synchronize it (chrony, systemd-timesyncd): processes that share a queue must agree on the time"
	}
	return f
}

const (
	scarce = 1 << 30 // bytes free, below which there is a warning
	full   = 64 << 20
)

// checkStorage checks the folders that files are written to.
func checkStorage(m machine.Machine, of string, paths []string) []finding {
	var all []finding
	for _, file := range paths {
		folder, missing := existing(filepath.Dir(file))
		f := finding{Status: statusOK, Check: "storage", Of: of, Found: file}
		free, known := m.Space(folder)
		if known {
			f.Found += ", " + humanize.Bytes(free) + " free"
		}
		switch err := m.Writable(folder); {
		case err != nil:
			f.Status, f.Found = statusFail, fmt.Sprintf("%s: its folder %s is not writable: %v", file, folder, err)
			f.Cure = "give this user write access to the folder, or configure another path"
		case known && free < full:
			f.Status, f.Cure = statusFail, "free some disk space"
		case known && free < scarce:
			f.Status, f.Cure = statusWarn, "free some disk space: without it nothing can be acknowledged"
		case missing:
			f.Found += fmt.Sprintf("; %s does not exist yet", filepath.Dir(file))
		}
		all = append(all, f)
	}
	return all
}

// existing is a folder, or its nearest parent that exists.
func existing(folder string) (found string, missing bool) {
	for found = folder; ; found = filepath.Dir(found) {
		if _, err := os.Stat(found); !errors.Is(err, fs.ErrNotExist) || found == filepath.Dir(found) {
			return found, found != folder
		}
	}
}
