package dev

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ergon-go/ergon/app/internal/text"
	"github.com/ergon-go/ergon/internal/humanize"
)

// developer runs a program and restarts it when something changes.
type developer struct {
	look  func() snapshot
	build func(context.Context) (program string, err error)
	start func(program string) (child, error)
	say   func(format string, args ...any)
}

// child is a program that runs. Either ended or stop gives how it ended, once.
type child struct {
	ended <-chan string
	stop  func() string
}

// run continues until ctx ends, stops the program and returns the cause of ctx.
func (d developer) run(ctx context.Context) error {
	var running child
	before := d.look()
	d.restart(ctx, &running)
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for changed := false; ; {
		select {
		case <-ctx.Done():
			if running.stop != nil {
				running.stop()
			}
			return context.Cause(ctx)
		case how := <-running.ended:
			running = child{}
			d.say("the program ended (%s); it restarts at the next change", how)
		case <-ticker.C:
			now := d.look()
			different := before.differences(now)
			if before = now; len(different) > 0 {
				if !changed {
					d.say("%s changed", text.List(different, "and"))
				}
				changed = true
				continue
			}
			if changed { // and then nothing for an interval
				changed = false
				d.restart(ctx, &running)
			}
		}
	}
}

// restart replaces the program that runs if the new one can be built.
func (d developer) restart(ctx context.Context, running *child) {
	program, err := d.build(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		d.say("the build failed:\n%s", strings.TrimSpace(err.Error()))
		if running.stop != nil {
			d.say("the old program continues")
		}
		return
	}
	if running.stop != nil {
		running.stop()
	}
	*running = child{}
	next, err := d.start(program)
	if err != nil {
		d.say("%v", err)
		return
	}
	*running = next
}

// snapshot is the state of files at one moment, by path.
type snapshot map[string]fileState

type fileState struct {
	modified time.Time
	size     int64
}

// maxNamed is how many changed files a message names.
const maxNamed = 3

// differences names the files that changed, in order.
func (s snapshot) differences(now snapshot) []string {
	var names []string
	for name, state := range now {
		if s[name] != state {
			names = append(names, name)
		}
	}
	for name := range maps.Keys(s) {
		if _, still := now[name]; !still {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed], humanize.Plural(more, "more file"))
	}
	return names
}

// look takes a snapshot of the watched files below root and of the configuration, which may be elsewhere.
func look(root, config string) snapshot {
	s := snapshot{}
	add := func(path string) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			s[path] = fileState{info.ModTime(), info.Size()}
		}
	}
	if config != "" {
		add(filepath.Clean(config))
	}
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // unreadable files are not watched
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "vendor"):
			return fs.SkipDir
		case entry.IsDir() || !matters(entry.Name()):
		default:
			add(path)
		}
		return nil
	})
	return s
}

func matters(name string) bool {
	return name == "go.mod" || name == "go.sum" || slices.Contains([]string{".go", ".yaml", ".yml"}, filepath.Ext(name))
}
