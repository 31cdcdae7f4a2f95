package guard

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// sweep kills what is nobody's any more: children of this process that it has not started and whose program has ended. Each
// that dies makes its own children those of this process, and has reap sweep again, until nothing is left.
func (s *server) sweep() {
	s.left = len(s.running)
	present := map[string]bool{}
	for _, pid := range s.family.children() {
		if s.running[pid] != nil {
			continue
		}
		of := s.family.markerOf(pid)
		present[of] = true
		// One that may not be killed, as it has other rights, is not waited for.
		if s.condemned(pid, of) && syscall.Kill(pid, syscall.SIGKILL) == nil {
			s.left++
		}
	}
	for _, r := range s.running {
		present[r.marker] = true
	}
	for of := range s.killed {
		if !present[of] {
			delete(s.killed, of)
		}
	}
}

// condemned reports whether an orphan is to be killed; of is the marker of its program, "" where it has none.
func (s *server) condemned(pid int, of string) bool {
	switch {
	case s.leave:
		return s.killed[of] && !s.runs(of)
	case s.requests == nil:
		return true
	case of != "":
		return !s.runs(of)
	}
	born := s.family.born(pid)
	for running := range s.running {
		if s.family.born(running) <= born {
			return false // it may be a descendant of that one
		}
	}
	return true
}

func (s *server) runs(of string) bool {
	for _, r := range s.running {
		if r.marker == of {
			return true
		}
	}
	return false
}

// family looks into /proc for what descends from this process.
type family struct {
	blind bool // /proc is not there, or that of another PID namespace
}

func newFamily() family {
	pid, err := os.Readlink("/proc/self")
	return family{blind: err != nil || pid != strconv.Itoa(os.Getpid())}
}

// children are those of all threads of this process. One may be missed where another ends at that moment; but then there is
// another sweep.
func (f family) children() []int {
	if f.blind {
		return nil
	}
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		return f.childrenByParent() // a kernel without CONFIG_PROC_CHILDREN
	}
	var all []int
	for _, list := range lists {
		text, err := os.ReadFile(list) //nolint:gosec // of this process
		if err != nil {
			continue // that thread has ended
		}
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				all = append(all, pid)
			}
		}
	}
	return all
}

// childrenByParent looks at every process there is.
func (f family) childrenByParent() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	own := strconv.Itoa(os.Getpid())
	var all []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if fields := stat(pid); len(fields) > statParent && fields[statParent] == own {
			all = append(all, pid)
		}
	}
	return all
}

// markerOf is "" where a process has none, or has another user's rights.
func (f family) markerOf(pid int) string {
	environment, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return ""
	}
	for one := range bytes.SplitSeq(environment, []byte(nul)) {
		if of, ok := bytes.CutPrefix(one, []byte(marker+"=")); ok {
			return string(of)
		}
	}
	return ""
}

// born is when a process began, in ticks since the machine did. One that is not there counts as the youngest.
func (f family) born(pid int) uint64 {
	fields := stat(pid)
	if len(fields) <= statStart {
		return math.MaxUint64
	}
	ticks, err := strconv.ParseUint(fields[statStart], 10, 64)
	if err != nil {
		return math.MaxUint64
	}
	return ticks
}

// Fields of /proc/PID/stat after the name, which is in brackets and may have any character.
const (
	statParent = 1
	statStart  = 19
)

func stat(pid int) []string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}
