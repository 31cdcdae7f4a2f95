package app_test

import (
	"testing"
	"testing/fstest"

	"github.com/ergon-go/ergon/app"
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
			if got, ok := app.MemoryLimit(disk); max(got, 0) != c.want || ok != (c.want > 0) {
				t.Errorf("got %d, %v; want %d", got, ok, c.want)
			}
		})
	}
}
