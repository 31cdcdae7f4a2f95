package app_test

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/app/internal/process"
)

func TestVersionIsReadFromTheBuild(t *testing.T) {
	ergon := &debug.Module{Path: "github.com/ergon-go/ergon", Version: "v0.3.0"}
	replaced := *ergon
	replaced.Replace = &debug.Module{Path: "../ergon"}
	revision := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: "true"}}
	main := debug.Module{Path: "example.org/reckon", Version: "v2.0.0"}
	for name, c := range map[string]struct {
		info  *debug.BuildInfo
		given string
		want  string
	}{
		"built": {
			&debug.BuildInfo{Main: main, Deps: []*debug.Module{ergon}, Settings: revision}, "",
			"reckon v2.0.0\nrevision abc123 (changed)\nergon v0.3.0\n",
		},
		"given":           {&debug.BuildInfo{Main: main, Deps: []*debug.Module{ergon}}, "v9", "reckon v9\nergon v0.3.0\n"},
		"replaced":        {&debug.BuildInfo{Main: main, Deps: []*debug.Module{&replaced}}, "", "reckon v2.0.0\nergon v0.3.0 (replaced)\n"},
		"not from a file": {nil, "", "reckon unknown\nergon unknown\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout bytes.Buffer
			code := app.Execute(t.Context(), app.Settings{Name: "reckon", Registry: registry(), Version: c.given}, process.Process{
				Args: []string{"version"}, Stdout: &stdout, Stderr: &stdout,
				LookupEnv: func(string) (string, bool) { return "", false },
				BuildInfo: func() (*debug.BuildInfo, bool) { return c.info, c.info != nil },
			})
			want := c.want + "go " + runtime.Version() + "\nplatform " + runtime.GOOS + "/" + runtime.GOARCH + "\n"
			if got := strings.Join(strings.Fields(stdout.String()), " "); code != 0 || got != strings.Join(strings.Fields(want), " ") {
				t.Errorf("code %d, got\n%s, want\n%s", code, stdout.String(), want)
			}
		})
	}
}

func TestVersionIsAFlagAsWell(t *testing.T) {
	if got := (call{args: []string{"--version"}}).do(t); got.stdout != "reckon v1.2.3\n" || got.code != 0 {
		t.Errorf("code %d, %q", got.code, got.stdout)
	}
}
