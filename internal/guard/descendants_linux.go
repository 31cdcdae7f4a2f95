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

// killOrphans kills the children of this process that are descendants of a program that has ended. When an orphan dies, its own
// children become children of this process, and reap calls killOrphans again, until none is left.
func (s *server) killOrphans() {
	s.remaining = len(s.running)
	present := map[string]bool{}
	for _, pid := range s.descendants.children() {
		if s.running[pid] != nil {
			continue
		}
		of := s.descendants.markerOf(pid)
		present[of] = true
		// An orphan that may not be killed, because it has another user, is not waited for.
		if s.mustKill(pid, of) && syscall.Kill(pid, syscall.SIGKILL) == nil {
			s.remaining++
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

// mustKill reports whether an orphan is to be killed. of is the marker of its program; "" for none.
func (s *server) mustKill(pid int, of string) bool {
	switch {
	case s.leaveChildren:
		return s.killed[of] && !s.runs(of)
	case s.requests == nil:
		return true
	case of != "":
		return !s.runs(of)
	}
	started := s.descendants.startTime(pid)
	for running := range s.running {
		if s.descendants.startTime(running) <= started {
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

// descendants finds the descendants of this process in /proc.
type descendants struct {
	unavailable bool // there is no /proc, or it is that of another PID namespace
}

func newDescendants() descendants {
	pid, err := os.Readlink("/proc/self")
	return descendants{unavailable: err != nil || pid != strconv.Itoa(os.Getpid())}
}

// children are those of all threads of this process. One may be missed while another ends, but then they are read again.
func (d descendants) children() []int {
	if d.unavailable {
		return nil
	}
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		return d.childrenByParent() // a kernel without CONFIG_PROC_CHILDREN
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

// childrenByParent finds the children among all processes.
func (d descendants) childrenByParent() []int {
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

// markerOf is "" if a process has none, or has another user.
func (d descendants) markerOf(pid int) string {
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

// startTime is in ticks since the boot of the machine. A process that is gone counts as the youngest.
func (d descendants) startTime(pid int) uint64 {
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
