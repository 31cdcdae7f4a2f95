package machine_test

import (
	"runtime/debug"
	"testing"
	"testing/fstest"

	"github.com/ergon-go/ergon/app/internal/machine"
)

func TestMemoryLimitIsTheLeastOfTheControlGroupsAround(t *testing.T) {
	const group, root = "sys/fs/cgroup/a/b/memory.max", "sys/fs/cgroup/memory.max"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"own":              {map[string]string{"proc/self/cgroup": "0::/a/b\n", group: "1000\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 1000},
		"of a parent":      {map[string]string{"proc/self/cgroup": "0::/a/b\n", group: "3000\n", "sys/fs/cgroup/a/memory.max": "2000\n"}, 2000},
		"in a container":   {map[string]string{"proc/self/cgroup": "0::/\n", root: "4000\n"}, 4000},
		"with version 1":   {map[string]string{"proc/self/cgroup": "4:memory:/a\n0::/a/b\n", group: "5000"}, 5000},
		"none":             {map[string]string{"proc/self/cgroup": "0::/a/b\n", group: "max\n"}, 0},
		"only version 1":   {map[string]string{"proc/self/cgroup": "4:memory:/a/b\n", group: "1000\n"}, 0},
		"out of the tree":  {map[string]string{"proc/self/cgroup": "0::/../../a\n", "sys/a/memory.max": "1000\n"}, 0},
		"no number":        {map[string]string{"proc/self/cgroup": "0::/a/b\n", group: "a lot\n"}, 0},
		"no control group": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			disk := fstest.MapFS{}
			for path, text := range c.files {
				disk[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if got, ok := machine.MemoryLimit(disk); max(got, 0) != c.want || ok != (c.want > 0) {
				t.Errorf("got %d, %v; want %d", got, ok, c.want)
			}
		})
	}
}

func TestMemoryIsLimitedToNineTenthsUnlessSomebodySaidOtherwise(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	disk := fstest.MapFS{
		"proc/self/cgroup":         {Data: []byte("0::/\n")},
		"sys/fs/cgroup/memory.max": {Data: []byte("10000000000\n")},
	}
	machine.LimitMemory(disk, func(string) (string, bool) { return "8GiB", true })
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("with GOMEMLIMIT it is %d, want %d as before", got, before)
	}
	machine.LimitMemory(fstest.MapFS{}, func(string) (string, bool) { return "", false })
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("without a control group it is %d, want %d as before", got, before)
	}
	machine.LimitMemory(disk, func(string) (string, bool) { return "", false })
	if got := debug.SetMemoryLimit(-1); got != 9_000_000_000 {
		t.Errorf("got %d, want 9000000000", got)
	}
}
