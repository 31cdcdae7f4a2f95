package bench

import (
	"runtime"
	"time"
)

// usage is what the process has used up to some moment, or between two.
type usage struct {
	wall, cpu     time.Duration
	allocs, bytes uint64
}

// processStart is what wall is counted from: a clock that nobody sets.
var processStart = time.Now()

func used() usage {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return usage{wall: time.Since(processStart), cpu: cpuTime(), allocs: memory.Mallocs, bytes: memory.TotalAlloc}
}

func (u usage) plus(v usage) usage {
	return usage{wall: u.wall + v.wall, cpu: u.cpu + v.cpu, allocs: u.allocs + v.allocs, bytes: u.bytes + v.bytes}
}

func (u usage) minus(v usage) usage {
	return usage{wall: u.wall - v.wall, cpu: u.cpu - v.cpu, allocs: u.allocs - v.allocs, bytes: u.bytes - v.bytes}
}
